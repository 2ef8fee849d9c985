// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /sys/block/ramzswapN: what concerns idle pages and their recompression.  idle, recompress and
 * recomp_algorithm have zram's names, values and errors.  The files of recompression/ are the keys
 * of servers.  All take the device's lock.
 */
#include <linux/blkdev.h>
#include <linux/device.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "ramzswap.h"

#define PRIORITY  1u /* zram has three further codecs, and we one */
#define LEVEL_MAX 99

/* ---- the second codec ---- */

static const char *find_codec(const char *name)
{
	const char *codec;
	unsigned int i;

	for (i = 0; (codec = rzs_codec_name(i)); i++)
		if (!strcmp(codec, name))
			return codec;
	return NULL;
}

/* At once, or of an uninitialised device at INIT.  Under its lock. */
static int set_codec(struct rzs_device *rzs, const char *codec, int level)
{
	struct rzs_live *live = rzs_device_live(rzs);
	int err = 0;

	if (live && rzs->codec2 && rzs->codec2 != codec)
		return -EBUSY;
	if (live)
		err = rzs_recompressor_codec(&live->recompress, codec, level);
	if (err)
		return err;
	rzs->codec2 = codec;
	rzs->level2 = level;
	return 0;
}

static ssize_t recomp_algorithm_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct rzs_device *rzs = to_rzs(dev);
	const char *name;
	ssize_t n = 0;
	unsigned int i;

	mutex_lock(&rzs->lock);
	if (rzs->codec2) {
		n = sysfs_emit(buf, "#%u: ", PRIORITY);
		for (i = 0; (name = rzs_codec_name(i)); i++)
			n += sysfs_emit_at(buf, n, name == rzs->codec2 ? "[%s] " : "%s ", name);
		n += sysfs_emit_at(buf, n, "\n");
	}
	mutex_unlock(&rzs->lock);
	return n;
}

/* What recomp_algorithm and recompress are given: words "name=value". */
struct request {
	const char *codec; /* NULL: not given */
	int level;
	bool idle, huge;
	u32 threshold;
	u64 max_pages;
};

static int parse_type(const char *value, struct request *q)
{
	q->idle = !strcmp(value, "idle") || !strcmp(value, "huge_idle");
	q->huge = !strcmp(value, "huge") || !strcmp(value, "huge_idle");
	return q->idle || q->huge ? 0 : -EINVAL;
}

static int parse_word(const char *name, const char *value, bool choice, struct request *q)
{
	u32 priority;

	if (!value)
		return -EINVAL;
	if (!strcmp(name, "algo")) {
		q->codec = find_codec(value);
		return q->codec ? 0 : -EINVAL;
	}
	if (!strcmp(name, "priority"))
		return kstrtou32(value, 10, &priority) || priority != PRIORITY ? -EINVAL : 0;
	if (choice) {
		if (strcmp(name, "level") || kstrtoint(value, 10, &q->level))
			return -EINVAL;
		return abs(q->level) <= LEVEL_MAX ? 0 : -EINVAL;
	}
	if (!strcmp(name, "type"))
		return parse_type(value, q);
	if (!strcmp(name, "threshold"))
		return kstrtou32(value, 10, &q->threshold) ? -EINVAL : 0;
	if (!strcmp(name, "max_pages"))
		return kstrtou64(value, 10, &q->max_pages) ? -EINVAL : 0;
	return -EINVAL;
}

/* choice: of recomp_algorithm, else of recompress.  -EINVAL, -ENOMEM. */
static int parse(const char *buf, size_t len, bool choice, struct request *q)
{
	char *text = kstrndup(buf, len, GFP_KERNEL), *rest = text, *word, *value;
	int err = text ? 0 : -ENOMEM;

	memset(q, 0, sizeof(*q));
	while (!err && (word = strsep(&rest, " \t\n"))) {
		if (!*word)
			continue;
		value = strchr(word, '=');
		if (value)
			*value++ = '\0';
		err = parse_word(word, value, choice, q);
	}
	kfree(text);
	return err;
}

static ssize_t recomp_algorithm_store(struct device *dev, struct device_attribute *attr,
				      const char *buf, size_t len)
{
	struct rzs_device *rzs = to_rzs(dev);
	struct request q;
	int err = parse(buf, len, true, &q);

	if (err || !q.codec)
		return err ?: -EINVAL;
	mutex_lock(&rzs->lock);
	err = set_codec(rzs, q.codec, q.level);
	mutex_unlock(&rzs->lock);
	return err ? err : len;
}
static DEVICE_ATTR_RW(recomp_algorithm);

static int recompress_locked(struct rzs_device *rzs, const struct request *q)
{
	struct rzs_live *live = rzs_device_live(rzs);
	u32 least = q->huge ? RZS_PAGE_SIZE : q->threshold;

	if (!live || !rzs->codec2 || (q->codec && q->codec != rzs->codec2))
		return -EINVAL;
	return rzs_recompressor_now(&live->recompress, q->idle, least, q->max_pages);
}

static ssize_t recompress_store(struct device *dev, struct device_attribute *attr, const char *buf,
				size_t len)
{
	struct rzs_device *rzs = to_rzs(dev);
	struct request q;
	int err = parse(buf, len, false, &q);

	if (err || q.threshold >= RZS_PAGE_SIZE)
		return err ?: -EINVAL;
	mutex_lock(&rzs->lock);
	err = recompress_locked(rzs, &q);
	mutex_unlock(&rzs->lock);
	return err ? err : len;
}
static DEVICE_ATTR_WO(recompress);

/* "all", or the seconds for which pages have been idle. */
static ssize_t idle_store(struct device *dev, struct device_attribute *attr, const char *buf,
			  size_t len)
{
	struct rzs_device *rzs = to_rzs(dev);
	struct rzs_live *live;
	u32 seconds = 0;
	int err;

	if (!sysfs_streq(buf, "all") && (kstrtou32(buf, 0, &seconds) || !seconds))
		return -EINVAL;
	mutex_lock(&rzs->lock);
	live = rzs_device_live(rzs);
	err = live ? rzs_recompressor_mark(&live->recompress, seconds) : -EINVAL;
	mutex_unlock(&rzs->lock);
	return err ? err : len;
}
static DEVICE_ATTR_WO(idle);

static struct attribute *idle_attrs[] = {
	&dev_attr_idle.attr,
	&dev_attr_recomp_algorithm.attr,
	&dev_attr_recompress.attr,
	NULL,
};

const struct attribute_group rzs_sysfs_idle_group = {
	.attrs = idle_attrs,
};

/* ---- recompression/ ---- */

static ssize_t show_knob(struct device *dev, enum rzs_recompress_knob knob, char *buf)
{
	struct rzs_device *rzs = to_rzs(dev);
	struct rzs_live *live;
	ssize_t n;

	mutex_lock(&rzs->lock);
	live = rzs_device_live(rzs);
	n = sysfs_emit(buf, "%u\n",
		       live ? live->recompress.knob[knob] : rzs_recompress_defaults[knob]);
	mutex_unlock(&rzs->lock);
	return n;
}

static ssize_t store_knob(struct device *dev, enum rzs_recompress_knob knob, const char *buf,
			  size_t len)
{
	struct rzs_device *rzs = to_rzs(dev);
	struct rzs_live *live;
	u32 value;
	int err;

	if (kstrtou32(buf, 10, &value))
		return -EINVAL;
	mutex_lock(&rzs->lock);
	live = rzs_device_live(rzs);
	err = live ? rzs_recompressor_set(&live->recompress, knob, value) : -EINVAL;
	mutex_unlock(&rzs->lock);
	return err ? err : len;
}

#define KNOB(name, knob)                                                                         \
	static ssize_t name##_show(struct device *dev, struct device_attribute *attr, char *buf) \
	{                                                                                        \
		return show_knob(dev, knob, buf);                                                \
	}                                                                                        \
	static ssize_t name##_store(struct device *dev, struct device_attribute *attr,           \
				    const char *buf, size_t len)                                 \
	{                                                                                        \
		return store_knob(dev, knob, buf, len);                                          \
	}                                                                                        \
	static DEVICE_ATTR_RW(name)

KNOB(after, RZS_RECOMPRESS_AFTER);
KNOB(cpu, RZS_RECOMPRESS_CPU);
KNOB(idle_step, RZS_RECOMPRESS_IDLE_STEP);
KNOB(unit, RZS_RECOMPRESS_UNIT);

static ssize_t codec_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct rzs_device *rzs = to_rzs(dev);
	struct rzs_live *live;
	ssize_t n;

	mutex_lock(&rzs->lock);
	live = rzs_device_live(rzs);
	if (!live || !live->recompress.knob[RZS_RECOMPRESS_ON])
		n = sysfs_emit(buf, "off\n");
	else if (rzs->level2)
		n = sysfs_emit(buf, "%s:%d\n", rzs->codec2, rzs->level2);
	else
		n = sysfs_emit(buf, "%s\n", rzs->codec2);
	mutex_unlock(&rzs->lock);
	return n;
}

/* "zstd" or "zstd:3". */
static int parse_codec(char *text, struct request *q)
{
	char *level = strchr(text, ':');

	memset(q, 0, sizeof(*q));
	if (level)
		*level++ = '\0';
	q->codec = find_codec(text);
	if (!q->codec || (level && kstrtoint(level, 10, &q->level)))
		return -EINVAL;
	return abs(q->level) <= LEVEL_MAX ? 0 : -EINVAL;
}

static int switch_locked(struct rzs_device *rzs, const struct request *q)
{
	struct rzs_live *live = rzs_device_live(rzs);
	int err = live ? 0 : -EINVAL;

	if (!err && q->codec)
		err = set_codec(rzs, q->codec, q->level);
	return err ?: rzs_recompressor_set(&live->recompress, RZS_RECOMPRESS_ON, q->codec != NULL);
}

static ssize_t codec_store(struct device *dev, struct device_attribute *attr, const char *buf,
			   size_t len)
{
	struct rzs_device *rzs = to_rzs(dev);
	char *copy = kstrndup(buf, len, GFP_KERNEL), *text;
	struct request q = {};
	int err = 0;

	if (!copy)
		return -ENOMEM;
	text = strim(copy);
	if (strcmp(text, "off"))
		err = parse_codec(text, &q);
	kfree(copy);
	if (err)
		return err;
	mutex_lock(&rzs->lock);
	err = switch_locked(rzs, &q);
	mutex_unlock(&rzs->lock);
	return err ? err : len;
}
static DEVICE_ATTR_RW(codec);

static struct attribute *recompression_attrs[] = {
	&dev_attr_after.attr,
	&dev_attr_codec.attr,
	&dev_attr_cpu.attr,
	&dev_attr_idle_step.attr,
	&dev_attr_unit.attr,
	NULL,
};

const struct attribute_group rzs_sysfs_recompression_group = {
	.name = "recompression",
	.attrs = recompression_attrs,
};
