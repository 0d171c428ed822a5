package sdk

import (
	"runtime/debug"
	"time"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/plugins/sdk/internal/hostcall"
)

// Plugin is what a plugin does. Every field is optional.
type Plugin struct {
	// Init is called once, before any message, with the configuration as a JSON
	// object; it aliases a buffer that the first message overwrites. An error
	// keeps the plugin from starting, and the operator reads it.
	Init func(config []byte) error

	// Inbound sees requests before they are carried out.
	Inbound Hook

	// Outbound sees responses and publications before they are sent.
	Outbound Hook

	// Event hears of documents that were set or removed, as the event hook of the
	// manifest subscribes to them, one after the other. An error is logged; the
	// event does not come again.
	Event func(e *Message) error

	// Service answers a call of another plugin, with JSON or nothing. The caller
	// reads the text of an error.
	Service func(call ServiceCall) (answer []byte, err error)

	// Search answers the queries that the search hook of the manifest names. Who
	// searches reads the text of an error.
	Search func(q *SearchQuery) (SearchResult, error)

	// Operator works out the operators that the search hook of the manifest names.
	// Who searches reads the text of an error.
	Operator func(c *OperatorCall) error

	// HTTP answers HTTP requests on the plugin's routes.
	HTTP func(r *HTTPRequest) HTTPResponse

	// Protocol is told of each new connection to an endpoint of the plugin, and
	// returns what speaks for it.
	Protocol func(c *Conn) ConnHandler

	// Tick is called at the times that the tick hook of the manifest says. An
	// error is logged.
	Tick func(now time.Time) error

	// Profile decides about a session that logs in: GivePolicy, Reject, Fail, or
	// Pass for what another profile is to decide.
	Profile func(a *Applicant) Verdict

	// Auth checks credentials and does what else a provider of logins is asked:
	// LogIn or Done, Reject for what is wrong, Fail for what cannot be told, or
	// Pass for what another provider is to decide.
	Auth func(c *Credentials) Verdict
}

// ServiceCall is a call of another plugin.
type ServiceCall struct {
	Name   string // of the service
	Caller string // name of the plugin that calls
	Data   []byte // JSON, nil if there are none; valid until the hook returns
}

// Hook looks at a message and decides. The message is valid until it returns.
type Hook func(m *Message) Verdict

// Configure calls Init as the host does, and reports whether it went well. It is
// for emulators.
func (p *Plugin) Configure(config []byte) (ok bool) {
	if p.Init == nil {
		return true
	}
	defer func() {
		if r := recover(); r != nil {
			hostcall.Log(abi.LogError, panicText(r)+"\n"+string(debug.Stack()))
			ok = false
		}
	}()
	if err := p.Init(config); err != nil {
		hostcall.Log(abi.LogError, "configuration: "+err.Error())
		return false
	}
	return true
}

// runner shows records to hooks. Its buffers live as long as the plugin.
type runner struct {
	message Message
	output  []byte
	conns   conns
}

// run decodes a record, calls the hook and encodes what it decided. The output
// is valid until the next run.
func (r *runner) run(hook Hook, input []byte) (verdict abi.Verdict, output []byte) {
	if hook == nil {
		return abi.VerdictPass, nil
	}
	return r.guarded(input, func(m *Message) (abi.Verdict, []byte) {
		v := hook(m)
		switch v.verdict {
		case abi.VerdictPass:
			if !m.changed {
				return abi.VerdictPass, nil
			}
			return abi.VerdictPatch, r.encode(&m.patch)
		case 0:
			return abi.VerdictError, []byte(zeroVerdict)
		case abi.VerdictReplace:
			return abi.VerdictError, []byte("the hook returned a Verdict of hooks of another kind; layers change a message by its setters")
		}
		r.output = append(r.output[:0], v.text...)
		return v.verdict, r.output
	})
}

// guarded decodes a record and makes ERROR of a panic of what is done with it.
func (r *runner) guarded(input []byte, do func(m *Message) (abi.Verdict, []byte)) (verdict abi.Verdict, output []byte) {
	return caught(func() (abi.Verdict, []byte) {
		if err := r.message.decode(input); err != nil {
			return abi.VerdictError, []byte(err.Error())
		}
		return do(&r.message)
	})
}

// caught makes ERROR of a panic.
func caught(do func() (abi.Verdict, []byte)) (verdict abi.Verdict, output []byte) {
	defer func() {
		if p := recover(); p != nil {
			text := panicText(p)
			hostcall.Log(abi.LogError, text+"\n"+string(debug.Stack()))
			verdict, output = abi.VerdictError, []byte(text)
		}
	}()
	return do()
}

// tick calls a tick hook.
func (r *runner) tick(hook func(time.Time) error, now int64) (abi.Verdict, []byte) {
	if hook == nil {
		return abi.VerdictPass, nil
	}
	return caught(func() (abi.Verdict, []byte) {
		if err := hook(time.UnixMilli(now)); err != nil {
			return abi.VerdictError, []byte(err.Error())
		}
		return abi.VerdictPass, nil
	})
}

// event shows an event.
func (r *runner) event(hook func(*Message) error, input []byte) (abi.Verdict, []byte) {
	if hook == nil {
		return abi.VerdictPass, nil
	}
	return r.guarded(input, func(m *Message) (abi.Verdict, []byte) {
		if err := hook(m); err != nil {
			return abi.VerdictError, []byte(err.Error())
		}
		return abi.VerdictPass, nil
	})
}

// service shows a call of another plugin.
func (r *runner) service(hook func(ServiceCall) ([]byte, error), input []byte) (abi.Verdict, []byte) {
	if hook == nil {
		return abi.VerdictReject, []byte("the plugin has no services")
	}
	return r.guarded(input, func(m *Message) (abi.Verdict, []byte) {
		answer, err := hook(ServiceCall{Name: string(m.record.Path), Caller: string(m.record.Username), Data: m.record.Data})
		switch {
		case err != nil:
			return abi.VerdictReject, []byte(err.Error())
		case answer == nil:
			return abi.VerdictPass, nil
		}
		return abi.VerdictReplace, r.encode(&abi.Record{Kind: abi.KindCall, Data: answer})
	})
}

func (r *runner) encode(record *abi.Record) []byte {
	if size := record.Size(); cap(r.output) < size {
		r.output = make([]byte, size, 2*size)
	}
	r.output = r.output[:cap(r.output)]
	n, _ := record.Encode(r.output) // it fits
	return r.output[:n]
}

// Runner calls a plugin's hooks the way the host does, by records. It is for
// emulators.
type Runner struct {
	Plugin Plugin
	runner runner
}

// Inbound shows an encoded record to the inbound hook. The output is valid until
// the next call.
func (r *Runner) Inbound(record []byte) (abi.Verdict, []byte) {
	return r.runner.run(r.Plugin.Inbound, record)
}

// Outbound shows an encoded record to the outbound hook, like Inbound.
func (r *Runner) Outbound(record []byte) (abi.Verdict, []byte) {
	return r.runner.run(r.Plugin.Outbound, record)
}

// Event shows an encoded record to the event hook, like Inbound.
func (r *Runner) Event(record []byte) (abi.Verdict, []byte) {
	return r.runner.event(r.Plugin.Event, record)
}

// Service shows an encoded record to the service hook, like Inbound.
func (r *Runner) Service(record []byte) (abi.Verdict, []byte) {
	return r.runner.service(r.Plugin.Service, record)
}

// HTTP shows an encoded record to the HTTP hook, like Inbound.
func (r *Runner) HTTP(record []byte) (abi.Verdict, []byte) {
	return r.runner.http(r.Plugin.HTTP, record)
}

// Tick calls the tick hook with a Unix time in ms.
func (r *Runner) Tick(now int64) (abi.Verdict, []byte) {
	return r.runner.tick(r.Plugin.Tick, now)
}

func panicText(p any) string {
	switch v := p.(type) {
	case error:
		return "panic: " + v.Error()
	case string:
		return "panic: " + v
	}
	return "panic: a value that is no text"
}
