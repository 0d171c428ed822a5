#include "guest.h"

struct posting {
  uint32_t document, count;
};

/* A word and the documents that have it. */
struct entry {
  const uint8_t *word;
  size_t length;
  uint64_t mark;
  struct posting *list;
  uint32_t count, room;
};

static struct entry **table; /* by mark, with open addressing */
static uint32_t slots, entries;

static void grow_table(void) {
  struct entry **old = table;
  const uint32_t had = slots;
  slots = had ? had * 2 : 64;
  table = make(slots * sizeof *table);
  for (uint32_t i = 0; i < slots; i++) {
    table[i] = NULL;
  }
  for (uint32_t i = 0; i < had; i++) {
    if (old[i]) {
      uint32_t at = (uint32_t)old[i]->mark & (slots - 1);
      while (table[at]) {
        at = (at + 1) & (slots - 1);
      }
      table[at] = old[i];
    }
  }
}

/* Returns the slot of a word, which is empty when nobody has added it. */
static struct entry **find(const uint8_t *word, size_t length, uint64_t mark) {
  for (uint32_t at = (uint32_t)mark & (slots - 1);; at = (at + 1) & (slots - 1)) {
    struct entry *e = table[at];
    if (!e || (e->mark == mark && e->length == length && !__builtin_memcmp(e->word, word, length))) {
      return &table[at];
    }
  }
}

static void add(const uint8_t *word, size_t length, uint32_t document) {
  const uint64_t mark = mark_text(word, length);
  if (entries * 2 >= slots) {
    grow_table();
  }
  struct entry **slot = find(word, length, mark), *e = *slot;
  if (!e) {
    uint8_t *own = make(length);
    for (size_t i = 0; i < length; i++) {
      own[i] = word[i];
    }
    e = *slot = make(sizeof *e);
    *e = (struct entry){.word = own, .length = length, .mark = mark};
    entries++;
  }
  if (e->count > 0 && e->list[e->count - 1].document == document) {
    e->list[e->count - 1].count++;
    return;
  }
  if (e->count == e->room) {
    struct posting *old = e->list;
    e->room = e->room ? e->room * 2 : 4;
    e->list = make(e->room * sizeof *e->list);
    for (uint32_t i = 0; i < e->count; i++) {
      e->list[i] = old[i];
    }
  }
  e->list[e->count++] = (struct posting){document, 1};
}

/* Reads the next word of a line in lower case, of at most 64 bytes, and returns
 * its length, which is 0 at the end. */
static size_t next_word(const uint8_t **at, const uint8_t *end, uint8_t word[64]) {
  size_t length = 0;
  while (*at < end && **at != '\n') {
    uint8_t c = *(*at)++;
    if (c >= 'A' && c <= 'Z') {
      c += 'a' - 'A';
    }
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      if (length == 64) {
        __builtin_trap();
      }
      word[length++] = c;
    } else if (length > 0) {
      break;
    }
  }
  return length;
}

static double logarithm(double v) {
  union { double number; uint64_t bits; } n = {v};
  const double exponent = (double)((int64_t)(n.bits >> 52) - 1023);
  n.bits = (n.bits & 0xfffffffffffff) | (uint64_t)1023 << 52;
  const double y = (n.number - 1) / (n.number + 1), square = y * y;
  double term = y, sum = 0;
  for (int k = 1; k < 30; k += 2) {
    sum += term / (double)k;
    term = term * square;
  }
  return exponent * 0.69314718055994530942 + 2 * sum;
}

/* Sorts documents, best first. */
static void sort(uint32_t *found, uint32_t n, const double *scores) {
  for (uint32_t gap = n / 2; gap > 0; gap /= 2) {
    for (uint32_t i = gap; i < n; i++) {
      const uint32_t d = found[i];
      uint32_t j = i;
      for (; j >= gap; j -= gap) {
        const uint32_t other = found[j - gap];
        if (scores[other] > scores[d] || (scores[other] == scores[d] && other < d)) {
          break;
        }
        found[j] = other;
      }
      found[j] = d;
    }
  }
}

EXPORT("search") uint64_t search(uint32_t n) {
  make_none();
  table = NULL;
  slots = entries = 0;
  const uint8_t *at = input, *end = input + n;
  uint8_t word[64];
  size_t length;
  uint32_t documents = 0, total = 0, *lengths = make(n / 2 * sizeof *lengths);
  grow_table();
  for (; at < end && *at != '\n'; at++, documents++) {
    lengths[documents] = 0;
    while ((length = next_word(&at, end, word)) > 0) {
      add(word, length, documents);
      lengths[documents]++;
    }
    total += lengths[documents];
  }
  double *scores = make(documents * sizeof *scores);
  uint32_t *found = make(documents * sizeof *found);
  const double all = (double)documents, average = (double)total / all;
  uint64_t m = BASIS;
  while (at++ < end) {
    for (uint32_t d = 0; d < documents; d++) {
      scores[d] = 0;
    }
    while ((length = next_word(&at, end, word)) > 0) {
      const struct entry *e = *find(word, length, mark_text(word, length));
      if (!e) {
        continue;
      }
      const double having = (double)e->count;
      const double weight = logarithm(1 + (all - having + 0.5) / (having + 0.5));
      for (uint32_t i = 0; i < e->count; i++) {
        const struct posting p = e->list[i];
        const double count = (double)p.count;
        const double norm = 1.2 * (0.25 + 0.75 * ((double)lengths[p.document] / average));
        scores[p.document] += weight * (count * 2.2 / (count + norm));
      }
    }
    uint32_t hits = 0;
    for (uint32_t d = 0; d < documents; d++) {
      if (scores[d] > 0) {
        found[hits++] = d;
      }
    }
    sort(found, hits, scores);
    for (uint32_t i = 0; i < hits && i < 10; i++) {
      m = (m ^ found[i]) * PRIME;
    }
  }
  return m;
}
