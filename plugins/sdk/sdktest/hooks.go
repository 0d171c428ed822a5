//go:build !wasip1

package sdktest

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/answer"
	"github.com/happn-host/happn-host/host/plugin/hook"
)

// outcome is what hooks that answer nothing mean.
func outcome(verdict abi.Verdict, output []byte) error {
	if verdict != abi.VerdictPass {
		return errors.New(string(output))
	}
	return nil
}

func event(call plugin.Call, r abi.Record) error {
	if call == nil {
		return errNoHook
	}
	if r.Kind == 0 {
		r.Kind = abi.KindPublication
	}
	verdict, output, err := call(&r)
	if err != nil {
		return err
	}
	return outcome(verdict, output)
}

func service(call plugin.Call, name, caller string, data []byte) ([]byte, error) {
	if call == nil {
		return nil, errNoHook
	}
	verdict, output, err := call(&abi.Record{Kind: abi.KindCall, Path: []byte(name), Username: []byte(caller), Data: data})
	if err != nil {
		return nil, err
	}
	return answer.Service(verdict, output)
}

// decision shows a login to a hook that decides about it.
func decision(t testing.TB, kind hook.Kind, call plugin.Call, r abi.Record) Result {
	t.Helper()
	if call == nil {
		t.Fatal(errNoHook)
	}
	r.Kind = abi.KindSession
	if kind == hook.KindAuth {
		r.Kind = abi.KindCredentials
	}
	verdict, output, err := call(&r)
	if err == nil {
		err = plugin.Decide(kind, &r, verdict, output)
	}
	if err != nil {
		verdict = abi.VerdictError
	}
	return Result{Verdict: verdict, Message: r, Err: err}
}

// operation is the options of what an auth hook is asked.
func operation(name string) []byte { return []byte(`{"operation":"` + name + `"}`) }

// request is a test's HTTP request. A hook that fails answers 500, with why.
func request(t testing.TB, call plugin.Call, r *http.Request, caller Caller) *http.Response {
	t.Helper()
	if call == nil {
		t.Fatal(errNoHook)
	}
	w := httptest.NewRecorder()
	if err := plugin.ServeCall(w, r, caller, r.URL.Path, call); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
	return w.Result()
}
