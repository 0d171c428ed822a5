package main

import (
	"log/slog"
	"os"
	"strings"

	"github.com/happn-host/happn-host/host"
	"github.com/happn-host/happn-host/host/config"
	"github.com/happn-host/happn-host/host/plugin/compiler"
)

// hostServer is the real server.
type hostServer struct{ *host.Host }

func openHost(c config.Config, logger *slog.Logger) (server, error) {
	h, err := host.New(host.Options{Config: c, Logger: logger, Version: currentBuild().Version, Compiler: compilerOfPlugins()})
	if err != nil {
		return nil, err
	}
	return hostServer{h}, nil
}

// compileVerb is the subcommand that the host itself begins for each module. The
// overview does not list it.
const compileVerb = "compile-plugin"

// compilerOfPlugins returns how this program is begun as a compiler, nil where the
// system does not say which program it is.
func compilerOfPlugins() compiler.Command {
	self, err := os.Executable()
	if err != nil {
		return nil
	}
	return compiler.Command{self, compileVerb}
}

// summary puts the host's own summary into the form that is printed.
func (s hostServer) summary() started {
	from := s.Summary()
	to := started{
		Name:      from.Name,
		Addresses: from.Addresses,
		Plugins:   []startedPlugin{}, // an empty list in JSON, not null
		Secure:    from.Secure,
		Password:  from.AdminPassword,
	}
	for _, s := range from.Stores {
		to.Stores = append(to.Stores, startedStore{
			Name: s.Name, Kind: s.Kind, Dir: s.Dir, Durability: s.Durability, Patterns: s.Patterns,
			Documents: s.Documents, Recovery: s.Recovery,
		})
	}
	to.Store = to.Stores[0]
	for _, p := range from.Plugins {
		kinds := make([]string, len(p.Kinds))
		for i, k := range p.Kinds {
			kinds[i] = string(k)
		}
		to.Plugins = append(to.Plugins, startedPlugin{
			Name: p.Name, Kind: strings.Join(kinds, "+"), Version: p.Version,
			State: string(p.State), Reason: p.Reason,
		})
	}
	return to
}
