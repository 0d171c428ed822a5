#include "guest.h"

/* A regular expression is a program: its instructions try to go on, and go back when they cannot. */
enum code { SET, SPLIT, JUMP, DONE };

struct step {
  enum code code;
  struct step *a, *b; /* SPLIT: a first; JUMP: a */
  uint32_t set[8];    /* SET: which bytes */
};

static const uint8_t *at, *end; /* of the expression */
static const uint8_t *text_end;
static struct step *program, *here;
static bool wrong;

static void either(void);

static struct step *emit(enum code code) {
  *here = (struct step){.code = code};
  return here++;
}

/* Makes room for n steps before from. */
static void push_down(struct step *from, int n) {
  for (struct step *s = here - 1; s >= from; s--) {
    s[n] = *s;
    if (s[n].a >= from) {
      s[n].a += n;
    }
    if (s[n].b >= from) {
      s[n].b += n;
    }
  }
  here += n;
}

static void put(struct step *s, uint32_t first, uint32_t last) {
  for (; first <= last; first++) {
    s->set[first >> 5] |= 1u << (first & 31);
  }
}

static void put_escaped(struct step *s, uint8_t c) {
  if (c == 'w' || c == 'd') {
    put(s, '0', '9');
  }
  if (c == 'w') {
    put(s, 'a', 'z');
    put(s, 'A', 'Z');
    c = '_';
  }
  if (c != 'd') {
    put(s, c, c);
  }
}

static void brackets(struct step *s) {
  const bool not = at < end && *at == '^';
  at += not;
  while (at < end && *at != ']') {
    const uint8_t c = *at++;
    if (c == '\\' && at < end) {
      put_escaped(s, *at++);
    } else if (at + 1 < end && *at == '-' && at[1] != ']') {
      put(s, c, at[1]);
      at += 2;
    } else {
      put(s, c, c);
    }
  }
  wrong |= at == end;
  at += at < end;
  for (int i = 0; not && i < 8; i++) {
    s->set[i] = ~s->set[i];
  }
}

static void atom(void) {
  const uint8_t c = *at++;
  if (c == '(') {
    either();
    wrong |= at == end;
    at += at < end;
    return;
  }
  struct step *s = emit(SET);
  if (c == '[') {
    brackets(s);
  } else if (c == '.') {
    put(s, 0, 255);
    s->set[0] &= ~(1u << '\n');
  } else if (c == '\\' && at < end) {
    put_escaped(s, *at++);
  } else {
    put(s, c, c);
  }
}

static void repeated(void) {
  struct step *from = here, *split;
  atom();
  const uint8_t c = at < end ? *at : 0;
  if (c == '+') {
    split = emit(SPLIT);
    split->a = from;
    split->b = here;
  } else if (c == '*' || c == '?') {
    push_down(from, 1);
    *from = (struct step){.code = SPLIT, .a = from + 1};
    if (c == '*') {
      emit(JUMP)->a = from;
    }
    from->b = here;
  } else {
    return;
  }
  at++;
}

static void either(void) {
  struct step *from = here;
  while (at < end && *at != '|' && *at != ')') {
    repeated();
  }
  if (at == end || *at != '|') {
    return;
  }
  at++;
  push_down(from, 1);
  struct step *jump = emit(JUMP);
  *from = (struct step){.code = SPLIT, .a = from + 1, .b = here};
  either();
  jump->a = here;
}

/* Returns where a match that begins at p ends, or NULL. */
static const uint8_t *run(const struct step *s, const uint8_t *p) {
  for (;;) {
    switch (s->code) {
    case DONE: return p;
    case JUMP: s = s->a; break;
    case SPLIT: {
      const uint8_t *found = run(s->a, p);
      if (found) {
        return found;
      }
      s = s->b;
      break;
    }
    case SET:
      if (p == text_end || !(s->set[*p >> 5] >> (*p & 31) & 1)) {
        return NULL;
      }
      p++;
      s++;
    }
  }
}

EXPORT("match") uint64_t match(uint32_t n) {
  make_none();
  const uint8_t *text = input;
  text_end = input + n;
  while (text + 1 < text_end && !(text[0] == '\n' && text[1] == '\n')) {
    text++;
  }
  const uint8_t *patterns = text;
  text += 2;
  uint64_t m = BASIS;
  for (at = input; at < patterns; at++) {
    for (end = at; end < patterns && *end != '\n';) {
      end++;
    }
    here = program = make((size_t)(end - at + 1) * 2 * sizeof *program);
    wrong = false;
    either();
    wrong |= at != end;
    emit(DONE);
    if (wrong) {
      return 0;
    }
    for (const uint8_t *p = text; p <= text_end;) {
      const uint8_t *found = run(program, p);
      if (found) {
        m = (m ^ (uint64_t)(p - text)) * PRIME;
        m = (m ^ (uint64_t)(found - text)) * PRIME;
      }
      p = found > p ? found : p + 1;
    }
  }
  return m;
}
