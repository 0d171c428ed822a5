package main

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// maxWord is how many bytes of a word count.
const maxWord = 64

// words calls yield for each word of a text as it stands in the index: letters,
// digits and what combines with them, in lower case, without diacritics. A '*'
// behind a word is told by wild.
func words(text string, yield func(word string, wild bool)) {
	var word strings.Builder
	flush := func(wild bool) {
		if word.Len() > 0 {
			yield(word.String(), wild)
		}
		word.Reset()
	}
	for _, r := range norm.NFKD.String(text) {
		switch {
		case unicode.Is(unicode.Mn, r), r == '\'', r == '’': // don't is dont
		case unicode.IsLetter(r), unicode.IsNumber(r), unicode.Is(unicode.Mc, r):
			if word.Len() < maxWord {
				fold(&word, unicode.ToLower(r))
			}
		default:
			flush(r == '*')
		}
	}
	flush(false)
}

// fold writes a letter in the way that people without its keyboard write it, where
// there is no diacritic that can be taken away.
func fold(to *strings.Builder, r rune) {
	switch r {
	case 'ß':
		to.WriteString("ss")
	case 'æ':
		to.WriteString("ae")
	case 'œ':
		to.WriteString("oe")
	case 'ø':
		to.WriteByte('o')
	case 'đ', 'ð':
		to.WriteByte('d')
	case 'ł':
		to.WriteByte('l')
	case 'ı':
		to.WriteByte('i')
	case 'þ':
		to.WriteString("th")
	case 'ς':
		to.WriteRune('σ')
	default:
		to.WriteRune(r)
	}
}
