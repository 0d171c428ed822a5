package config

import (
	"fmt"
	"io"
	"strings"
)

// WriteMarkdown writes the reference of every key, the text of
// docs/configuration.md.
func WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString(markdownHead)
	section := "-"
	for _, k := range Reference() {
		if s := sectionOf(k.Name); s != section {
			section = s
			title := "General"
			if s != "" {
				title = "`" + s + "`"
			}
			fmt.Fprintf(&b, "\n## %s\n", title)
		}
		fmt.Fprintf(&b, "\n### `%s`\n\n%s\n\n", k.Name, k.Meaning)
		fmt.Fprintf(&b, "- type: %s\n- default: %s\n", k.Type, code(k.Default, "empty"))
		if k.Bounds != "" {
			fmt.Fprintf(&b, "- takes: %s\n", k.Bounds)
		}
		fmt.Fprintf(&b, "- environment: `%s`\n- flag: `--%s`", k.Env, k.Flag)
		for _, a := range k.Aliases {
			fmt.Fprintf(&b, " or `--%s`", a)
		}
		b.WriteString("\n")
		if len(k.Members) > 0 {
			b.WriteString("\nEach section has:\n\n")
			for _, m := range k.Members {
				fmt.Fprintf(&b, "- `%s`: %s\n", m.Name, m.Meaning)
			}
			fmt.Fprintf(&b, "\n```yaml\n%s```\n", k.Example)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteYAML writes an example file that names every key with its default, each
// commented out, so that using it unchanged changes nothing.
func WriteYAML(w io.Writer) error {
	var b strings.Builder
	b.WriteString("## Every key of happn-host with its default. Remove the first # in front of what you change,\n" +
		"## and in front of the section above it.\n")
	var open []string
	for _, k := range Reference() {
		path := strings.Split(k.Name, ".")
		sections, leaf := path[:len(path)-1], path[len(path)-1]
		for i, s := range sections {
			if i < len(open) && open[i] == s {
				continue
			}
			if i == 0 {
				b.WriteString("\n")
			}
			fmt.Fprintf(&b, "#%s%s:\n", strings.Repeat("  ", i), s)
			open = append(open[:min(i, len(open)):min(i, len(open))], s)
		}
		indent := strings.Repeat("  ", len(sections))
		if len(sections) == 0 {
			b.WriteString("\n")
		}
		comment := k.Meaning
		if k.Bounds != "" {
			comment += " Takes: " + k.Bounds + "."
		}
		if len(k.Members) > 0 {
			names := make([]string, len(k.Members))
			for i, m := range k.Members {
				names[i] = m.Name
			}
			comment += " Each section has the keys " + strings.Join(names, ", ") + "."
		}
		for _, line := range wrap(comment, 96-len(indent)) {
			fmt.Fprintf(&b, "#%s# %s\n", indent, line)
		}
		fmt.Fprintf(&b, "#%s%s: %s\n", indent, leaf, yamlValue(k))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func sectionOf(key string) string {
	at := strings.LastIndexByte(key, '.')
	return key[:max(at, 0)]
}

func code(s, empty string) string {
	if s == "" {
		return empty
	}
	return "`" + s + "`"
}

func yamlValue(k Key) string {
	switch {
	case k.Type == string(kindList):
		quoted := []string{}
		for _, one := range splitList(k.Default) {
			quoted = append(quoted, fmt.Sprintf("%q", one))
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	case k.Type == string(kindSections):
		return "[]"
	case k.Type == string(kindText):
		return fmt.Sprintf("%q", k.Default)
	default:
		return k.Default
	}
}

// wrap breaks a text between words into lines of at most width bytes.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
