// Command worldguest is a plugin for the tests of host/plugin: the path of a
// message says what it does in the host, its data with what.
package main

import (
	"errors"
	"strconv"
	"strings"

	"github.com/happn-host/happn-host/plugins/sdk"
)

var done, level *sdk.Metric

func init() {
	sdk.Register(sdk.Plugin{
		Init: func([]byte) error {
			done = sdk.NewCounter("done", "What was done.", "verb")
			level = sdk.NewGauge("level", "")
			return nil
		},
		Inbound: act,
		Event: func(e *sdk.Message) error {
			sdk.LogInfo("heard " + string(e.Path()) + " " + string(e.Data()) + " on " + string(e.Channel()))
			if strings.HasSuffix(string(e.Path()), "/bad") {
				return errors.New("does not like it")
			}
			return nil
		},
		Service: func(call sdk.ServiceCall) ([]byte, error) {
			if call.Name == "refuse" {
				return nil, errors.New("not today")
			}
			return []byte(`{"caller":"` + call.Caller + `","got":` + string(call.Data) + `}`), nil
		},
	})
}

func main() {}

func act(m *sdk.Message) sdk.Verdict {
	verb, path, _ := strings.Cut(strings.TrimPrefix(string(m.Path()), "!"), " ")
	done.Add(2, verb)
	level.Set(float64(len(path)))
	out, err := do(verb, path, m)
	if err != nil {
		m.SetData([]byte(strconv.Quote(err.Error())))
		return sdk.Pass()
	}
	m.SetData([]byte(strconv.Quote(out)))
	return sdk.Pass()
}

func do(verb, path string, m *sdk.Message) (string, error) {
	switch verb {
	case "get":
		doc, err := sdk.Get(path)
		return doc.Path + " " + string(doc.Data) + " " + string(doc.Meta), err
	case "find":
		var all []string
		for doc, err := range sdk.Find(path, m.Options()) {
			if err != nil {
				return "", err
			}
			if all = append(all, doc.Path); len(all) == 3 {
				break
			}
		}
		return strings.Join(all, ","), nil
	case "count":
		n, err := sdk.Count(path, nil)
		return strconv.Itoa(n), err
	case "set":
		return "set", sdk.Set(path, m.Data(), sdk.Write{Options: m.Options()})
	case "start":
		return "started", sdk.Set(path, m.Data(), sdk.Write{NoWait: true})
	case "publish":
		return "published", sdk.Publish(path, m.Data())
	case "remove":
		n, err := sdk.Remove(path, sdk.Write{})
		return strconv.Itoa(n), err
	case "call":
		answer, err := sdk.Call(path, m.Data())
		return string(answer), err
	case "session":
		record, err := sdk.Session(m.SessionID())
		return string(record), err
	case "features":
		text, err := sdk.Features()
		return string(text), err
	case "often":
		for range 20_000 {
			if _, err := sdk.Get(path); err != nil && !errors.Is(err, sdk.ErrNotFound) {
				return "", err
			}
		}
	}
	return "done", nil
}
