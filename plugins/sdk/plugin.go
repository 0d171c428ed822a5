package sdk

import (
	"runtime/debug"

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
}

// run decodes a record, calls the hook and encodes what it decided. The output
// is valid until the next run.
func (r *runner) run(hook Hook, input []byte) (verdict abi.Verdict, output []byte) {
	if hook == nil {
		return abi.VerdictPass, nil
	}
	defer func() {
		if p := recover(); p != nil {
			text := panicText(p)
			hostcall.Log(abi.LogError, text+"\n"+string(debug.Stack()))
			verdict, output = abi.VerdictError, []byte(text)
		}
	}()
	m := &r.message
	if err := m.decode(input); err != nil {
		return abi.VerdictError, []byte(err.Error())
	}
	v := hook(m)
	switch v.verdict {
	case abi.VerdictPass:
		if !m.changed {
			return abi.VerdictPass, nil
		}
		return abi.VerdictPatch, r.encode(&m.patch)
	case 0:
		return abi.VerdictError, []byte("the hook returned the zero Verdict; return sdk.Pass() instead")
	}
	r.output = append(r.output[:0], v.text...)
	return v.verdict, r.output
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

func panicText(p any) string {
	switch v := p.(type) {
	case error:
		return "panic: " + v.Error()
	case string:
		return "panic: " + v
	}
	return "panic: a value that is no text"
}
