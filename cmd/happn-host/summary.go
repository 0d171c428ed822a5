package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// started is the start summary: what a person reads on the terminal, and one
// JSON object in a line when log.format is json.
type started struct {
	Event     string          `json:"event"` // always "started"
	Version   string          `json:"version"`
	Name      string          `json:"name"`
	Addresses []string        `json:"addresses"`        // URLs
	Store     startedStore    `json:"store"`            // the default store
	Stores    []startedStore  `json:"stores,omitempty"` // all of them, the default one first
	Plugins   []startedPlugin `json:"plugins"`
	Folder    string          `json:"pluginsDir"`
	Secure    bool            `json:"secure"`
	Password  string          `json:"adminPassword,omitempty"` // of _ADMIN, if this start has made it
}

type startedStore struct {
	Name       string   `json:"name,omitempty"`
	Kind       string   `json:"kind"`
	Dir        string   `json:"dir,omitempty"`
	Durability string   `json:"durability"`
	Patterns   []string `json:"patterns,omitempty"`
	Documents  int      `json:"documents"`
	Recovery   string   `json:"recovery,omitempty"`
}

type startedPlugin struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	Version string `json:"version,omitempty"`
	State   string `json:"state"`
	Reason  string `json:"reason,omitempty"`
}

func (s *started) write(w io.Writer, format string) error {
	if format == "json" {
		return json.NewEncoder(w).Encode(s)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "happn-host %s is running as %q\n", s.Version, s.Name)
	for _, a := range s.Addresses {
		fmt.Fprintf(t, "  address\t%s\n", a)
	}
	if s.Secure {
		fmt.Fprintf(t, "  access\tclients log in, and may do what they are permitted\n")
	}
	if s.Password != "" {
		fmt.Fprintf(t, "  \tthe password of _ADMIN is %s - it is shown this once\n", s.Password)
	}
	stores := s.Stores
	if len(stores) == 0 {
		stores = []startedStore{s.Store}
	}
	for _, one := range stores {
		name := ""
		if len(stores) > 1 {
			name = one.Name + ": "
		}
		fmt.Fprintf(t, "  store\t%s%s\n", name, one.sentence())
		if one.Recovery != "" {
			fmt.Fprintf(t, "  \t%s\n", one.Recovery)
		}
	}
	plugins := "none, as an empty plugins.dir asks"
	if s.Folder != "" {
		plugins = counted(len(s.Plugins), "plugin") + " in " + s.Folder
	}
	fmt.Fprintf(t, "  plugins\t%s\n", plugins)
	if err := t.Flush(); err != nil {
		return err
	}
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, p := range s.Plugins {
		fmt.Fprintf(t, "    %s\t%s\t%s\t%s\n", p.Name, p.Kind, p.Version, p.condition())
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, "  stop with Ctrl-C or SIGTERM")
	return err
}

func (s *startedStore) sentence() string {
	text := s.Kind
	if s.Dir != "" {
		text += " in " + s.Dir
	}
	text += ", durability " + s.Durability + ", " + counted(s.Documents, "document")
	if len(s.Patterns) > 0 {
		text += ", for " + strings.Join(s.Patterns, " ")
	}
	return text
}

func (p *startedPlugin) condition() string {
	if p.Reason == "" {
		return p.State
	}
	return p.State + ": " + p.Reason
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
