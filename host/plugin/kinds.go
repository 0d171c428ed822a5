package plugin

import "github.com/happn-host/happn-host/abi"

// HookKind is a kind of hook.
type HookKind string

// The kinds of hooks.
const (
	HookInbound  HookKind = "inbound"
	HookOutbound HookKind = "outbound"
	HookProfile  HookKind = "profile"
	HookAuth     HookKind = "auth"
	HookSearch   HookKind = "search"
	HookHTTP     HookKind = "http"
	HookTick     HookKind = "tick"
	HookEvent    HookKind = "event"
	HookService  HookKind = "service"
	HookProtocol HookKind = "protocol"
)

// Places of the kinds, for what is kept by kind.
const (
	placeInbound = iota
	placeOutbound
	placeProfile
	placeAuth
	placeSearch
	placeHTTP
	placeTick
	placeEvent
	placeService
	placeProtocol
	places
)

// kindRules says what the host knows of a kind before any module has it.
type kindRules struct {
	kind     HookKind
	exports  []string  // all of them make the hook; the first is called by binding.call
	layer    bool      // it sees messages, by filters
	sessions bool      // its records are of sessions, which may see a canary
	onError  OnError   // unless a manifest says otherwise
	others   []OnError // that a manifest may say; none for kinds that always do the same
	gives    verdicts  // beside ERROR
	runs     bool      // by this version
	grant    Grant     // that a plugin needs for it, "" for none
}

// verdicts is a set of verdicts, a bit for each.
type verdicts uint16

func setOf(all ...abi.Verdict) (v verdicts) {
	for _, one := range all {
		v |= 1 << one
	}
	return v
}

func (v verdicts) has(one abi.Verdict) bool { return v>>one&1 != 0 }

// allKinds is a constant in all but name.
var allKinds = [places]kindRules{
	placeInbound: {
		kind: HookInbound, sessions: true, exports: []string{abi.ExportInbound}, layer: true, onError: OnErrorPass, others: []OnError{OnErrorReject, OnErrorClose}, runs: true,
		gives: setOf(abi.VerdictPass, abi.VerdictReplace, abi.VerdictPatch, abi.VerdictReject, abi.VerdictDrop, abi.VerdictClose),
	},
	placeOutbound: {
		kind: HookOutbound, sessions: true, exports: []string{abi.ExportOutbound}, layer: true, onError: OnErrorPass, others: []OnError{OnErrorReject, OnErrorClose}, runs: true,
		gives: setOf(abi.VerdictPass, abi.VerdictReplace, abi.VerdictPatch, abi.VerdictReject, abi.VerdictDrop, abi.VerdictClose),
	},
	placeProfile: {
		kind: HookProfile, sessions: true, exports: []string{abi.ExportProfile}, onError: OnErrorReject, runs: true,
		gives: setOf(abi.VerdictPass, abi.VerdictReplace, abi.VerdictReject),
	},
	placeAuth: {
		kind: HookAuth, sessions: true, exports: []string{abi.ExportAuth}, onError: OnErrorReject, runs: true,
		gives: setOf(abi.VerdictPass, abi.VerdictReplace, abi.VerdictReject),
	},
	placeSearch: {
		kind: HookSearch, sessions: true, exports: []string{abi.ExportSearch}, onError: OnErrorReject, runs: true,
		gives: setOf(abi.VerdictReplace, abi.VerdictReject),
	},
	placeHTTP: {
		kind: HookHTTP, exports: []string{abi.ExportHTTP}, onError: OnErrorReject, runs: true, grant: GrantHTTPRoutes,
		gives: setOf(abi.VerdictPass, abi.VerdictReplace, abi.VerdictReject),
	},
	placeTick: {
		kind: HookTick, exports: []string{abi.ExportTick}, onError: OnErrorPass, runs: true, grant: GrantTick,
		gives: setOf(abi.VerdictPass),
	},
	placeEvent: {
		kind: HookEvent, exports: []string{abi.ExportEvent}, onError: OnErrorPass, runs: true,
		gives: setOf(abi.VerdictPass),
	},
	placeService: {
		kind: HookService, exports: []string{abi.ExportService}, onError: OnErrorReject, runs: true,
		gives: setOf(abi.VerdictPass, abi.VerdictReplace, abi.VerdictReject),
	},
	placeProtocol: {
		kind: HookProtocol, exports: []string{abi.ExportConnData, abi.ExportConnOpen, abi.ExportConnEvent, abi.ExportConnClose},
		onError: OnErrorClose, others: []OnError{OnErrorPass}, runs: true, grant: GrantListen,
		gives: setOf(abi.VerdictPass, abi.VerdictEmit, abi.VerdictNeedMore, abi.VerdictClose),
	},
}

// place returns the place of a kind, or -1 for one that nobody knows.
func (k HookKind) place() int {
	for i := range allKinds {
		if allKinds[i].kind == k {
			return i
		}
	}
	return -1
}

// kindNames lists the kinds that this version runs.
func kindNames() (names []string) {
	for i := range allKinds {
		if allKinds[i].runs {
			names = append(names, string(allKinds[i].kind))
		}
	}
	return names
}
