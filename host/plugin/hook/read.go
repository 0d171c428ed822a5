package hook

import (
	"strings"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/object"
)

// Read reads an entry of hooks, of a manifest or an operator's file.
func Read(t *object.Reader) Hook {
	var h Hook
	kind := ""
	t.Text("kind", &kind)
	h.Kind = Kind(kind)
	names := KindNames()
	switch {
	case kind == "":
		t.Fail("kind", "is missing; it is one of %s", strings.Join(names, ", "))
	case h.Kind.Place() < 0:
		t.Fail("kind", "%q is not one of %s%s", kind, strings.Join(names, ", "), object.Suggest(kind, names))
	}
	t.Int("order", -1<<20, 1<<20, &h.Order)
	h.ordered = t.Has("order")
	h.OnError = ReadOnError(t)
	readKind(t, &h)
	return h
}

// ReadOnError reads the key on_error, which plugins have too.
func ReadOnError(t *object.Reader) (o OnError) {
	t.Word("on_error", []string{string(OnErrorPass), string(OnErrorReject), string(OnErrorClose)}, (*string)(&o))
	return o
}

// readKind reads the keys that only hooks of one kind have.
func readKind(t *object.Reader, h *Hook) {
	switch h.Kind {
	case KindInbound, KindOutbound:
		readLayer(t, h)
	case KindEvent:
		h.Event = readEvent(t)
	case KindService:
		h.Service = readService(t)
	case KindSearch:
		h.Search = readSearch(t)
	case KindHTTP:
		h.HTTP = readHTTP(t)
	case KindTick:
		h.Tick = readTick(t)
	case KindAuth:
		h.Auth = readAuth(t)
	case KindProtocol:
		h.Protocol = readProtocol(t)
	}
}

func readLayer(t *object.Reader, h *Hook) {
	h.Paths, _ = t.Texts("paths")
	h.Actions = readActions(t)
	kinds, _ := t.Words("kinds", []string{abi.KindResponse.String(), abi.KindPublication.String()})
	for _, k := range kinds {
		h.Kinds = append(h.Kinds, abi.ParseKind(k))
	}
	t.Word("scope", []string{ScopeRecipient, ScopePublication}, &h.Scope)
	t.Word("data", []string{DataEager, DataLazy}, &h.Data)
	if h.Kind == KindInbound && (h.Scope != "" || len(kinds) > 0) {
		t.Fail("kind", "scope and kinds belong to outbound hooks; an inbound hook sees requests")
	}
}

func readActions(t *object.Reader) (out []abi.Action) {
	var names []string
	for a := abi.Action(1); a <= abi.MaxAction; a++ {
		names = append(names, a.String())
	}
	words, _ := t.Words("actions", names)
	for _, w := range words {
		out = append(out, abi.ParseAction(w))
	}
	return out
}
