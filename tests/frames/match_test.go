package frames

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"sort"
	"strings"
	"time"

	"github.com/happn-host/happn-host/tests/testhost"
)

// matcher compares live frames with recorded ones.
type matcher struct {
	tokens  *tokens
	started time.Time
	extras  bool   // whether the recorded frames still have what transcripts leave out
	users   bool   // whether there are users, whose names the host keeps with what they write
	nonce   string // the last that the server gave
}

var (
	reference   = regexp.MustCompile(`^[A-Za-z0-9_-]{22}-\d+$`)
	controlID   = regexp.MustCompile(`^"primus::id::[A-Za-z0-9_-]{21}"$`)
	pingNumber  = regexp.MustCompile(`^"primus::ping::(\d+)"$`)
	referenceIn = regexp.MustCompile(`"(?:id|referenceId)":"([A-Za-z0-9_-]{22}-\d+)"`)
	tokenText   = regexp.MustCompile(`^[\w-]+\.[\w-]+\.[\w-]+$`)
	nonce       = regexp.MustCompile(`^[A-Za-z0-9+/]{43}=$`)
)

// frame compares two frames and says where they differ. The live frame may
// list the items of an array in another order if anyOrder is set.
func (m *matcher) frame(recorded, live string, anyOrder bool) error {
	if strings.HasPrefix(recorded, `"primus::`) {
		return m.control(recorded, live)
	}
	r, err := parse(recorded)
	if err != nil {
		return fmt.Errorf("recorded frame: %w", err)
	}
	l, err := parse(live)
	if err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	if m.extras {
		r = withoutReferenceExtras(r)
		plainRemoved(r)
		plainRemoved(l)
	}
	if testhost.Reference() {
		l = withoutReferenceExtras(l)
	} else {
		r = withoutInitialValues(r)
	}
	if m.users {
		l = withoutWriters(l)
	}
	if anyOrder {
		sortItems(r)
		sortItems(l)
	}
	return m.value("", "", r, l)
}

func (m *matcher) control(recorded, live string) error {
	r, l := pingNumber.FindStringSubmatch(recorded), pingNumber.FindStringSubmatch(live)
	switch {
	case r != nil && l != nil:
		m.tokens.pair(r[1], l[1])
		return nil
	case controlID.MatchString(recorded) && controlID.MatchString(live), recorded == live:
		return nil
	}
	return fmt.Errorf("is %s, recorded %s", live, recorded)
}

func parse(frame string) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader([]byte(frame)))
	decoder.UseNumber()
	var v any
	err := decoder.Decode(&v)
	return v, err
}

// value compares two JSON values at path, key being the last part of it.
func (m *matcher) value(path, key string, recorded, live any) error {
	switch r := recorded.(type) {
	case map[string]any:
		l, ok := live.(map[string]any)
		if !ok {
			return fmt.Errorf("%s is %s, recorded an object", path, show(live))
		}
		return m.object(path, key, r, l)
	case []any:
		l, ok := live.([]any)
		if !ok || len(l) != len(r) {
			return fmt.Errorf("%s is %s, recorded %s", path, show(live), show(recorded))
		}
		for i := range r {
			if err := m.value(fmt.Sprintf("%s[%d]", path, i), key, r[i], l[i]); err != nil {
				return err
			}
		}
		return nil
	case string:
		if l, ok := live.(string); ok && m.text(key, r, l) {
			return nil
		}
	case json.Number:
		if l, ok := live.(json.Number); ok && m.number(key, r, l) {
			return nil
		}
	default:
		if recorded == live {
			return nil
		}
	}
	return fmt.Errorf("%s is %s, recorded %s", path, show(live), show(recorded))
}

func (m *matcher) object(path, key string, recorded, live map[string]any) error {
	for k := range live {
		if _, ok := recorded[k]; !ok {
			return fmt.Errorf("%s.%s is %s, not recorded", path, k, show(live[k]))
		}
	}
	for k, r := range recorded {
		l, ok := live[k]
		if !ok {
			return fmt.Errorf("%s.%s is missing, recorded %s", path, k, show(r))
		}
		inner := k
		if key == "headers" && k != "sec-websocket-version" {
			inner = "headers"
		}
		if err := m.value(path+"."+k, inner, r, l); err != nil {
			return err
		}
	}
	return nil
}

// text compares strings; a reference is paired where references occur.
func (m *matcher) text(key, recorded, live string) bool {
	switch key {
	case "headers":
		return live != ""
	case "message":
		// The words of our own errors are free, as long as they name the thing.
		if about, ok := strings.CutPrefix(recorded, "~"); ok {
			return strings.Contains(live, about)
		}
	case "nonce":
		m.nonce = live
		return nonce.MatchString(recorded) && nonce.MatchString(live)
	case "token":
		return tokenText.MatchString(recorded) && tokenText.MatchString(live) && m.tokens.pair(recorded, live)
	case "permissionSetKey":
		return live != "" && m.tokens.pair(recorded, live)
	case "publicKey":
		return m.tokens.live[escaped(recorded)] == escaped(live)
	case "id", "ref", "referenceId":
		if reference.MatchString(recorded) {
			return live != "" && m.tokens.pair(recorded, live)
		}
	}
	return m.tokens.sameText(recorded, live)
}

// number compares numbers; clock times only have to belong to this run.
func (m *matcher) number(key string, recorded, live json.Number) bool {
	switch {
	case isClockTime(key, recorded):
		ms, err := live.Int64()
		at, slack := time.UnixMilli(ms), time.Second
		return err == nil && at.After(m.started.Add(-slack)) && at.Before(time.Now().Add(slack))
	case key == "port":
		port, err := live.Int64()
		return err == nil && port > 0 && port < 1<<16
	}
	r, rErr := recorded.Float64()
	l, lErr := live.Float64()
	return rErr == nil && lErr == nil && r == l
}

// isClockTime tells the server's clock from user data of the same name.
func isClockTime(key string, recorded json.Number) bool {
	ms, err := recorded.Int64()
	return err == nil && ms > 1e12 && (key == "created" || key == "modified" || key == "timestamp")
}

// withoutReferenceExtras drops from an answer of the reference what the
// transcripts leave out: stack traces and the server's own documents.
func withoutReferenceExtras(v any) any {
	switch v := v.(type) {
	case []any:
		kept := []any{}
		for _, item := range v {
			if !strings.HasPrefix(itemPath(item), "/_SYSTEM/") {
				kept = append(kept, item)
			}
		}
		return kept
	case map[string]any:
		if meta, ok := v["_meta"].(map[string]any); ok {
			if e, ok := meta["error"].(map[string]any); ok {
				delete(e, "stack")
				delete(e, "inner")
			}
			// With two subscriptions of a session on one path the reference gives
			// the depth of the one to the channel of the other; nobody reads it.
			if channel, ok := meta["channel"].(string); ok && !strings.HasSuffix(channel, "**") {
				delete(meta, "depth")
			}
		}
	}
	return v
}

// withoutInitialValues drops the duplicate of the data that the reference adds
// to the answer of an on with initial values; the host must not send it.
func withoutInitialValues(v any) any {
	if o, ok := v.(map[string]any); ok {
		delete(o, "initialValues")
	}
	return v
}

// plainRemoved writes what an off has removed in one way: the reference lists a
// subscription to "/**" once for each level, lists in no certain order, and has
// two ways to say that there was nothing.
func plainRemoved(v any) {
	o, _ := v.(map[string]any)
	data, _ := o["data"].(map[string]any)
	list, ok := data["removed"].([]any)
	if !ok {
		return
	}
	bySubscription := map[string]any{}
	for _, item := range list {
		removed, _ := item.(map[string]any)
		about, _ := removed["data"].(map[string]any)
		delete(about, "ref")
		bySubscription[fmt.Sprint(about["action"], about["path"], about["options"])] = item
	}
	data["removed"] = bySubscription
	if len(list) == 0 {
		data["removed"] = json.Number("0")
	}
}

func sortItems(v any) {
	if list, ok := v.([]any); ok {
		sort.SliceStable(list, func(i, j int) bool { return itemPath(list[i]) < itemPath(list[j]) })
	}
}

func itemPath(item any) string {
	o, _ := item.(map[string]any)
	meta, _ := o["_meta"].(map[string]any)
	path, _ := meta["path"].(string)
	return path
}

func show(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	if len(text) > 300 {
		text = append(text[:300], "..."...)
	}
	return string(text)
}
