package hostile

import (
	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
)

// Anywhere is where the modules that have connections listen; write the address of a
// free port in its place.
const Anywhere = "127.0.0.1:0"

// everywhere is the manifest of a module that has every kind of hook that needs no
// access control.
const everywhere = `{"name":"evil","hooks":[{"kind":"inbound"},{"kind":"outbound"},{"kind":"event","paths":["/evil*"]},
{"kind":"http"},{"kind":"tick","every":"100ms"},{"kind":"search","operators":["$evil"]},{"kind":"protocol"}],
"grants":["listen","http-routes","tick"]}`

// granted is the operator's file of such a module.
const granted = `hooks:
  - {kind: inbound, paths: ["/evil*"]}
  - {kind: outbound, paths: ["/evil*"]}
  - {kind: protocol, listen: [{tcp: "` + Anywhere + `"}]}
grants: [log, listen, http-routes, tick]
permissions: {"/evil*": {actions: ["*"]}}
`

// hooks are modules that misbehave in each of their hooks.
func hooks() []Module {
	return []Module{
		{Name: "exits in every hook", File: granted, Bytes: inEach(func(exit uint32) []byte { return asm.Join(asm.I32Const(3), asm.Call(exit), asm.Unreachable) }), Told: []string{"exit_code(3)"}},
		{Name: "traps in every hook", File: granted, Bytes: inEach(func(uint32) []byte { return asm.Unreachable }), Told: []string{"trapped"}},
		{Name: "loops in every hook", File: granted, Bytes: inEach(func(uint32) []byte { return forever() }), Told: []string{"did not finish"}},
		{Name: "says in every hook that it failed", File: granted, Bytes: inEach(func(uint32) []byte { return gives(abi.VerdictError, output, uint32(len(Seen))) }), Told: []string{"hook failed"}},
	}
}

// OfLogins are modules that misbehave in the hooks of logins, and in a service.
// Each of their services is called evil.do, and their provider evil.
func OfLogins() []Module {
	const file = `hooks:
  - {kind: auth, users: ["device-*"]}
  - {kind: service, callers: [caller]}
`
	mine, admin := record(abi.Record{Kind: abi.KindSession, Data: []byte(`{"username":"_ADMIN"}`)}), record(abi.Record{Data: []byte(`{"policies":[`)})
	module := func(name, told string, out []byte, code func(exit uint32) []byte) Module {
		w := &writer{}
		exit := w.Import("wasi_snapshot_preview1", "proc_exit", asm.I32, asm.None)
		w.begin(8)
		for _, export := range []string{abi.ExportProfile, abi.ExportAuth, abi.ExportService} {
			w.on(export, code(exit))
		}
		w.Custom(abi.ManifestSection, []byte(`{"name":"evil","hooks":[{"kind":"profile"},{"kind":"auth","provider":"evil"},{"kind":"service","names":["evil.do"]}]}`))
		w.Data(output, out)
		return Module{Name: name, File: file, Bytes: w.Bytes(), Told: []string{told}}
	}
	gives := func(v abi.Verdict, length int) func(uint32) []byte {
		return func(uint32) []byte { return gives(v, output, uint32(length)) }
	}
	return []Module{
		module("exits at logins", "exit_code(3)", nil, func(exit uint32) []byte { return asm.Join(asm.I32Const(3), asm.Call(exit), asm.Unreachable) }),
		module("traps at logins", "trapped", nil, func(uint32) []byte { return asm.Unreachable }),
		module("loops at logins", "did not finish", nil, func(uint32) []byte { return forever() }),
		module("says at logins that it failed", "hook failed", []byte("it is broken"), gives(abi.VerdictError, 12)),
		module("says that it is the administrator", "_ADMIN|policy.username", mine, gives(abi.VerdictReplace, len(mine))),
		module("answers logins with half a policy", "invalid JSON", admin, gives(abi.VerdictReplace, len(admin))),
		module("answers logins with what is no record", "record ends before", []byte("no record"), gives(abi.VerdictReplace, 9)),
		module("closes at logins", "cannot give", nil, gives(abi.VerdictClose, 0)),
	}
}

// Caller is a plugin named caller that behaves, but has evil.do decide about what is
// written on /evil: it passes what the service answers, and says that it failed when
// the service does.
func Caller() []byte {
	request := record(abi.Record{Kind: abi.KindRequest, Path: []byte("evil.do"), Data: []byte("1")})
	w := &writer{}
	call := w.host(abi.ImportCall)
	w.begin(4)
	w.on(abi.ExportInbound, asm.I32Const(scratch), asm.I32Const(int32(len(request))), asm.Call(call), asm.I32Const(0), i32LtS,
		when(gives(abi.VerdictError, 0, 0)), pass)
	w.Data(scratch, request)
	w.Custom(abi.ManifestSection, []byte(`{"name":"caller","hooks":[{"kind":"inbound","paths":["/evil*"],"actions":["set"]}]}`))
	return w.Bytes()
}

// inEach makes a module that runs code, which gives an i64, in each of its hooks.
func inEach(code func(exit uint32) []byte) []byte {
	w := &writer{}
	exit := w.Import("wasi_snapshot_preview1", "proc_exit", asm.I32, asm.None)
	w.begin(8)
	run := code(exit)
	for _, export := range []string{abi.ExportInbound, abi.ExportOutbound, abi.ExportEvent, abi.ExportHTTP, abi.ExportSearch} {
		w.on(export, run)
	}
	w.Func(abi.ExportTick, asm.I64, asm.I64, nil, run)
	shown := []byte{0x7e, 0x7f}
	for _, export := range []string{abi.ExportConnOpen, abi.ExportConnData, abi.ExportConnEvent} {
		w.Func(export, shown, asm.I64, nil, run)
	}
	w.Func(abi.ExportConnClose, shown, asm.None, nil, asm.Unreachable)
	w.Custom(abi.ManifestSection, []byte(everywhere))
	w.Data(output, []byte("it is broken............................"))
	return w.Bytes()
}
