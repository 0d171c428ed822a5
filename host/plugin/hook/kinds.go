package hook

import "github.com/happn-host/happn-host/abi"

// Kind is a kind of hook.
type Kind string

// The kinds of hooks.
const (
	KindInbound  Kind = "inbound"
	KindOutbound Kind = "outbound"
	KindProfile  Kind = "profile"
	KindAuth     Kind = "auth"
	KindSearch   Kind = "search"
	KindHTTP     Kind = "http"
	KindTick     Kind = "tick"
	KindEvent    Kind = "event"
	KindService  Kind = "service"
	KindProtocol Kind = "protocol"
)

// Places of the kinds, for what is kept by kind, and how many there are.
const (
	PlaceInbound = iota
	PlaceOutbound
	PlaceProfile
	PlaceAuth
	PlaceSearch
	PlaceHTTP
	PlaceTick
	PlaceEvent
	PlaceService
	PlaceProtocol
	Places
)

// Rules says what the host knows of a kind before any module has it.
type Rules struct {
	Kind     Kind
	Exports  []string  // all of them make the hook; the first is the one that decides
	Layer    bool      // it sees messages, by filters
	Sessions bool      // its records are of sessions, which may see a canary
	OnError  OnError   // unless a manifest says otherwise
	Others   []OnError // that a manifest may say; none for kinds that always do the same
	Gives    Verdicts  // beside ERROR
}

// Verdicts is a set of verdicts, a bit for each.
type Verdicts uint16

func setOf(all ...abi.Verdict) (v Verdicts) {
	for _, one := range all {
		v |= 1 << one
	}
	return v
}

// Has reports whether a verdict is one of them.
func (v Verdicts) Has(one abi.Verdict) bool { return v>>one&1 != 0 }

// allKinds is a constant in all but name.
var allKinds = [Places]Rules{
	PlaceInbound: {
		Kind: KindInbound, Sessions: true, Exports: []string{abi.ExportInbound}, Layer: true, OnError: OnErrorPass, Others: []OnError{OnErrorReject, OnErrorClose},
		Gives: setOf(abi.VerdictPass, abi.VerdictReplace, abi.VerdictPatch, abi.VerdictReject, abi.VerdictDrop, abi.VerdictClose),
	},
	PlaceOutbound: {
		Kind: KindOutbound, Sessions: true, Exports: []string{abi.ExportOutbound}, Layer: true, OnError: OnErrorPass, Others: []OnError{OnErrorReject, OnErrorClose},
		Gives: setOf(abi.VerdictPass, abi.VerdictReplace, abi.VerdictPatch, abi.VerdictReject, abi.VerdictDrop, abi.VerdictClose),
	},
	PlaceProfile: {
		Kind: KindProfile, Sessions: true, Exports: []string{abi.ExportProfile}, OnError: OnErrorReject,
		Gives: setOf(abi.VerdictPass, abi.VerdictReplace, abi.VerdictReject),
	},
	PlaceAuth: {
		Kind: KindAuth, Sessions: true, Exports: []string{abi.ExportAuth}, OnError: OnErrorReject,
		Gives: setOf(abi.VerdictPass, abi.VerdictReplace, abi.VerdictReject),
	},
	PlaceSearch: {
		Kind: KindSearch, Sessions: true, Exports: []string{abi.ExportSearch}, OnError: OnErrorReject,
		Gives: setOf(abi.VerdictReplace, abi.VerdictReject),
	},
	PlaceHTTP: {
		Kind: KindHTTP, Exports: []string{abi.ExportHTTP}, OnError: OnErrorReject,
		Gives: setOf(abi.VerdictPass, abi.VerdictReplace, abi.VerdictReject),
	},
	PlaceTick: {
		Kind: KindTick, Exports: []string{abi.ExportTick}, OnError: OnErrorPass,
		Gives: setOf(abi.VerdictPass),
	},
	PlaceEvent: {
		Kind: KindEvent, Exports: []string{abi.ExportEvent}, OnError: OnErrorPass,
		Gives: setOf(abi.VerdictPass),
	},
	PlaceService: {
		Kind: KindService, Exports: []string{abi.ExportService}, OnError: OnErrorReject,
		Gives: setOf(abi.VerdictPass, abi.VerdictReplace, abi.VerdictReject),
	},
	PlaceProtocol: {
		Kind: KindProtocol, Exports: []string{abi.ExportConnData, abi.ExportConnOpen, abi.ExportConnEvent, abi.ExportConnClose},
		OnError: OnErrorClose, Others: []OnError{OnErrorPass},
		Gives: setOf(abi.VerdictPass, abi.VerdictEmit, abi.VerdictNeedMore, abi.VerdictClose),
	},
}

// RulesAt returns the rules of the kind at a place, which nobody may change.
func RulesAt(place int) *Rules { return &allKinds[place] }

// Place returns the place of a kind, or -1 for one that nobody knows.
func (k Kind) Place() int {
	for i := range allKinds {
		if allKinds[i].Kind == k {
			return i
		}
	}
	return -1
}

// KindNames lists the kinds.
func KindNames() (names []string) {
	for i := range allKinds {
		names = append(names, string(allKinds[i].Kind))
	}
	return names
}
