package plugin

import (
	"bytes"
	"strings"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/host/plugin/pattern"
)

// filter decides, for every message, whether a hook sees it. It allocates
// nothing.
type filter struct {
	kinds   uint32 // bit per abi.Kind
	actions uint32 // bit per abi.Action
	all     bool   // every path
	paths   []pattern.Pattern
}

func newFilter(h *hook.Hook) filter {
	f := filter{all: len(h.Paths) == 0}
	if h.Kind == hook.KindInbound {
		f.kinds = 1 << abi.KindRequest
	} else {
		for _, k := range h.Kinds {
			f.kinds |= 1 << k
		}
		if len(h.Kinds) == 0 {
			f.kinds = 1<<abi.KindResponse | 1<<abi.KindPublication
		}
	}
	for _, a := range h.Actions {
		f.actions |= 1 << a
	}
	if len(h.Actions) == 0 {
		f.actions = ^uint32(0)
	}
	for _, p := range h.Paths {
		if strings.Trim(p, "*") == "" && p != "" {
			f.all = true
		}
		f.paths = append(f.paths, pattern.New(p))
	}
	return f
}

// matches reports whether the hook sees such a message. One with a wildcard in its
// path is about all paths that it stands for: a hook sees it if one of them may be
// its own, so that a wildcard gets nobody past a layer.
func (f *filter) matches(kind abi.Kind, action abi.Action, path []byte) bool {
	if f.kinds>>kind&1 == 0 || f.actions>>action&1 == 0 {
		return false
	}
	if f.all {
		return true
	}
	if action == abi.ActionOn || action == abi.ActionOff {
		path = channelPath(path)
	}
	many := bytes.IndexByte(path, '*') >= 0
	for i := range f.paths {
		if many && f.paths[i].Meets(path) || !many && f.paths[i].Match(path) {
			return true
		}
	}
	return false
}

// channelPath returns the path of a channel such as /SET@/a/*.
func channelPath(channel []byte) []byte {
	if len(channel) == 0 || channel[0] != '/' {
		return channel
	}
	for i, c := range channel[1:] {
		switch {
		case c == '@':
			return channel[i+2:]
		case c < 'A' || c > 'Z':
			return channel
		}
	}
	return channel
}
