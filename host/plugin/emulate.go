package plugin

import (
	"context"
	"net/http"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/pipeline"
	"github.com/happn-host/happn-host/host/plugin/answer"
	"github.com/happn-host/happn-host/host/plugin/hook"
)

// Conclude carries out on rec what a hook has decided, as the host does, for
// emulators: it applies REPLACE and PATCH, and sets rec.Error for REJECT and
// CLOSE. An error means that the hook failed and rec is as it was.
func Conclude(kind hook.Kind, rec *abi.Record, verdict abi.Verdict, output []byte) error {
	if err := answer.Check(kind.Place(), verdict); err != nil {
		return err
	}
	return answer.Conclude(kind, rec, verdict, output)
}

// Call is a hook that emulators call: it is shown a record and decides.
type Call func(rec *abi.Record) (verdict abi.Verdict, output []byte, err error)

// Calls returns what shows records to the first plugin's hook of a kind, for
// emulators; nil if no plugin has one.
func (m *Manager) Calls(kind hook.Kind) Call {
	bindings := m.lists.Load().hooks[kind.Place()]
	if len(bindings) == 0 {
		return nil
	}
	return func(rec *abi.Record) (abi.Verdict, []byte, error) {
		return bindings[0].call(context.Background(), rec)
	}
}

// ServeCall answers an HTTP request by a hook as Manager.ServeHTTP does, for
// emulators: below is the path below the plugin's. An error means that the hook
// failed and nothing was sent.
func ServeCall(w http.ResponseWriter, r *http.Request, caller answer.Caller, below string, call Call) error {
	rec, err := answer.Request(r, below, caller)
	if err != nil {
		return err
	}
	verdict, output, err := call(rec)
	if err != nil {
		return err
	}
	if err := answer.Check(hook.PlaceHTTP, verdict); err != nil {
		return err
	}
	return answer.Write(w, r, verdict, output)
}

// Decide carries out on rec what a hook of logins has decided, for emulators: its
// data are those of REPLACE, and its error that of REJECT. An error means that the
// hook failed.
func Decide(kind hook.Kind, rec *abi.Record, verdict abi.Verdict, output []byte) error {
	if err := answer.Check(kind.Place(), verdict); err != nil {
		return err
	}
	if verdict != abi.VerdictReplace {
		return answer.Conclude(kind, rec, verdict, output)
	}
	data, err := answer.Replacement(output, func([]byte) error { return nil })
	if err == nil {
		rec.Data = data
	}
	return err
}

// SearchHits is what a query is answered with, for emulators; see
// pipeline.SearchQuery.
func SearchHits(verdict abi.Verdict, output []byte, limit int) (hits []pipeline.Hit, more bool, err error) {
	found, err := answer.Search(verdict, output)
	if err != nil {
		return nil, false, err
	}
	return answer.Hits(&found, limit)
}

// SearchScores is what an operator makes of a number of values, for emulators.
func SearchScores(verdict abi.Verdict, output []byte, ranks bool, values int) ([]pipeline.Score, error) {
	found, err := answer.Search(verdict, output)
	if err != nil {
		return nil, err
	}
	scores := make([]pipeline.Score, values)
	return scores, answer.Scores(found.Data, ranks, scores)
}
