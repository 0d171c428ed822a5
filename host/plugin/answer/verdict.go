package answer

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// MaxErrorText bounds an error that is plain text, in bytes.
const MaxErrorText = 4 << 10

// Check refuses what a hook of this kind cannot decide. Such a guest does
// not keep the contract and loses its instance.
func Check(place int, v abi.Verdict) error {
	if v == abi.VerdictError || hook.RulesAt(place).Gives.Has(v) {
		return nil
	}
	if name := v.String(); name != "" {
		return fmt.Errorf("returned the verdict %s, which a hook of kind %s cannot give", name, hook.RulesAt(place).Kind)
	}
	return fmt.Errorf("returned the unknown verdict %d", v)
}

// Conclude carries out a verdict on rec. An error means that the hook failed
// and that nothing of rec was changed.
func Conclude(kind hook.Kind, rec *abi.Record, verdict abi.Verdict, output []byte) error {
	switch verdict {
	case abi.VerdictReplace, abi.VerdictPatch:
		return change(kind, rec, verdict, output)
	case abi.VerdictReject, abi.VerdictClose:
		rec.Error = ErrorSection(output)
	case abi.VerdictError:
		if len(output) == 0 {
			return errors.New("hook failed without saying why")
		}
		return fmt.Errorf("hook failed: %s", ErrorText(output))
	}
	return nil
}

// change applies the record in output.
func change(kind hook.Kind, rec *abi.Record, verdict abi.Verdict, output []byte) error {
	var out abi.Record
	if err := out.Decode(output); err != nil {
		return fmt.Errorf("verdict %s: %w", verdict, err)
	}
	for s := out.Next(0); s != 0; s = out.Next(s) {
		now, want := rec.Section(s), out.Section(s)
		if !mayChange(kind, rec.Kind, s) {
			if !bytes.Equal(*now, *want) {
				return fmt.Errorf("verdict %s: changes the section %q, which it may not", verdict, s)
			}
			*want = nil // rec keeps its own
			continue
		}
		if err := CheckSection(s, want); err != nil {
			return fmt.Errorf("verdict %s: section %q: %w", verdict, s, err)
		}
	}
	if verdict == abi.VerdictReplace {
		if rec.Path != nil && out.Path == nil && mayChange(kind, rec.Kind, abi.SectionPath) {
			return fmt.Errorf("verdict %s: section %q is missing", verdict, abi.SectionPath)
		}
		for s := rec.Next(0); s != 0; s = rec.Next(s) {
			if mayChange(kind, rec.Kind, s) {
				*rec.Section(s) = nil
			}
		}
	}
	rec.Apply(&out)
	return nil
}

// mayChange says which sections a layer may change. Who a message comes from
// and whom it goes to is never a layer's to say.
func mayChange(by hook.Kind, kind abi.Kind, s abi.Section) bool {
	switch s {
	case abi.SectionData, abi.SectionMeta:
		return true
	case abi.SectionPath, abi.SectionOptions:
		return by == hook.KindInbound
	case abi.SectionError:
		return kind == abi.KindResponse
	}
	return false
}

// CheckSection is the door for what comes out of a guest, as strict as the one
// for what clients send.
func CheckSection(s abi.Section, body *[]byte) error {
	switch s {
	case abi.SectionPath:
		if len(*body) == 0 || !utf8.Valid(*body) {
			return errors.New("is empty or not UTF-8")
		}
	case abi.SectionData, abi.SectionOptions, abi.SectionMeta, abi.SectionError:
		var scan rawjson.Scanner
		if err := scan.Valid(*body); err != nil {
			return err
		}
		*body = bytes.TrimSpace(*body)
		if s != abi.SectionData && !rawjson.IsObject(*body) {
			return errors.New("is not a JSON object")
		}
		if scan.LineSeparators {
			*body = rawjson.EscapeLineSeparators(*body)
		}
	}
	return nil
}

// ErrorSection makes a message's error of a guest's output: a JSON object as it
// is, anything else as the text of an error.
func ErrorSection(output []byte) []byte {
	trimmed := bytes.TrimSpace(output)
	if rawjson.IsObject(trimmed) && CheckSection(abi.SectionError, &trimmed) == nil {
		return trimmed
	}
	if len(output) == 0 {
		return []byte("refused by a plugin")
	}
	return []byte(ErrorText(output))
}

// ErrorText is what an output says of an error, as text that may be logged.
func ErrorText(output []byte) string {
	if len(output) > MaxErrorText {
		output = output[:MaxErrorText]
	}
	return string(bytes.ToValidUTF8(output, []byte("\uFFFD")))
}
