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
