#include "guest.h"

enum kind { NUL, FALSE, TRUE, NUMBER, TEXT, LIST, OBJECT };

struct value {
  enum kind kind;
  double number;
  const uint8_t *text, *name; /* name: in an object */
  size_t length, name_length;
  struct value *first, *next; /* what a list or an object has, and its next one */
};

static const uint8_t *at, *end;
static bool wrong;

static struct value *value(void);

static void space(void) {
  while (at < end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r')) {
    at++;
  }
}

static bool next(uint8_t c) {
  space();
  if (at == end || *at != c) {
    return false;
  }
  at++;
  return true;
}

static void need(bool is) {
  if (!is) {
    wrong = true;
    at = end;
  }
}

static bool word(const char *text) {
  for (; *text; text++) {
    if (at == end || *at++ != (uint8_t)*text) {
      return false;
    }
  }
  return true;
}

static uint32_t hex(void) {
  uint32_t n = 0;
  for (int i = 0; i < 4; i++) {
    const uint8_t c = at < end ? *at++ : 0, low = c | 0x20;
    need((c >= '0' && c <= '9') || (low >= 'a' && low <= 'f'));
    n = n * 16 + (c <= '9' ? c - '0' : low - 'a' + 10);
  }
  return n;
}

static uint8_t *utf8(uint8_t *out, uint32_t c) {
  if (c < 0x80) {
    *out++ = (uint8_t)c;
  } else if (c < 0x800) {
    *out++ = (uint8_t)(0xc0 | c >> 6);
    *out++ = (uint8_t)(0x80 | (c & 0x3f));
  } else {
    *out++ = (uint8_t)(0xe0 | c >> 12);
    *out++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    *out++ = (uint8_t)(0x80 | (c & 0x3f));
  }
  return out;
}

/* Reads a string after its first quote. What it means is no longer than what is
 * written, so that it takes its place. Pairs of surrogates are not known. */
static const uint8_t *string(size_t *length) {
  const uint8_t *from = at;
  while (at < end && *at != '"' && *at != '\\') {
    at++;
  }
  if (at < end && *at == '"') {
    *length = (size_t)(at++ - from);
    return from;
  }
  const uint8_t *rest = at;
  while (rest < end && *rest != '"') {
    rest += *rest == '\\' ? 2 : 1;
  }
  uint8_t *text = make((size_t)(rest - from)), *out = text;
  for (; from < at; from++) {
    *out++ = *from;
  }
  while (at < end && *at != '"') {
    uint8_t c = *at++;
    if (c != '\\') {
      *out++ = c;
      continue;
    }
    c = at < end ? *at++ : 0;
    switch (c) {
    case '"': case '\\': case '/': *out++ = c; break;
    case 'b': *out++ = '\b'; break;
    case 'f': *out++ = '\f'; break;
    case 'n': *out++ = '\n'; break;
    case 'r': *out++ = '\r'; break;
    case 't': *out++ = '\t'; break;
    case 'u': out = utf8(out, hex()); break;
    default: need(false);
    }
  }
  need(at < end);
  at += at < end;
  *length = (size_t)(out - text);
  return text;
}

/* Powers of ten that a double is. */
static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                              1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static bool digit(void) { return at < end && *at >= '0' && *at <= '9'; }

/* Reads a number of at most 15 digits, of which one multiplication or division
 * makes the nearest double. */
static double number(void) {
  const bool minus = *at == '-';
  uint64_t n = 0;
  int digits = 0, scale = 0, power = 0;
  at += minus;
  need(digit());
  for (; digit(); at++, digits++) {
    n = n * 10 + (*at - '0');
  }
  if (at < end && *at == '.') {
    for (at++; digit(); at++, digits++, scale--) {
      n = n * 10 + (*at - '0');
    }
  }
  if (at < end && (*at | 0x20) == 'e') {
    at++;
    const bool less = at < end && *at == '-';
    at += at < end && (*at == '-' || *at == '+');
    for (; digit() && power < 100; at++) {
      power = power * 10 + (*at - '0');
    }
    scale += less ? -power : power;
  }
  need(digits <= 15 && scale >= -22 && scale <= 22);
  if (wrong) {
    return 0;
  }
  const double v = scale < 0 ? (double)n / tens[-scale] : (double)n * tens[scale];
  return minus ? -v : v;
}

/* Reads what stands between brackets. */
static struct value *inside(enum kind kind, uint8_t close) {
  struct value *all = make(sizeof *all), **last = &all->first;
  at++;
  all->kind = kind;
  all->first = NULL;
  if (next(close)) {
    return all;
  }
  do {
    const uint8_t *name = NULL;
    size_t length = 0;
    if (kind == OBJECT) {
      need(next('"'));
      name = string(&length);
      need(next(':'));
    }
    struct value *v = value();
    v->name = name;
    v->name_length = length;
    v->next = NULL;
    *last = v;
    last = &v->next;
  } while (next(','));
  need(next(close));
  return all;
}

static struct value *value(void) {
  space();
  const uint8_t c = at < end ? *at : 0;
  if (c == '{') {
    return inside(OBJECT, '}');
  }
  if (c == '[') {
    return inside(LIST, ']');
  }
  struct value *v = make(sizeof *v);
  switch (c) {
  case '"':
    at++;
    v->kind = TEXT;
    v->text = string(&v->length);
    break;
  case 'n': v->kind = NUL; need(word("null")); break;
  case 't': v->kind = TRUE; need(word("true")); break;
  case 'f': v->kind = FALSE; need(word("false")); break;
  default:
    need(at < end);
    v->kind = NUMBER;
    v->number = wrong ? 0 : number();
  }
  return v;
}

static uint64_t mark(const struct value *v) {
  union { double number; uint64_t bits; } n;
  uint64_t m;
  switch (v->kind) {
  case NUL: return 1;
  case FALSE: return 2;
  case TRUE: return 3;
  case NUMBER:
    n.number = v->number;
    return n.bits * PRIME + 5;
  case TEXT: return mark_text(v->text, v->length);
  case LIST:
    m = 7;
    for (const struct value *e = v->first; e; e = e->next) {
      m = (m ^ mark(e)) * PRIME;
    }
    return m;
  case OBJECT: break;
  }
  m = 11;
  for (const struct value *e = v->first; e; e = e->next) {
    m += (mark_text(e->name, e->name_length) ^ mark(e)) * PRIME;
  }
  return m;
}

EXPORT("json") uint64_t json(uint32_t n) {
  make_none();
  at = input;
  end = input + n;
  wrong = false;
  const struct value *v = value();
  space();
  return wrong || at != end ? 0 : mark(v);
}
