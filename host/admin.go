package host

import (
	"context"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/happn-host/happn-host/host/admin"
	"github.com/happn-host/happn-host/host/session"
	"github.com/happn-host/happn-host/host/web"
	"github.com/happn-host/happn-host/internal/rawjson"
	"github.com/happn-host/happn-host/security/activity"
)

// openAdmin mounts the management API and opens its audit log.
func (h *Host) openAdmin() (err error) {
	if !h.config.Web.API.Enabled {
		return nil
	}
	if c := h.config.Security.Audit; c.Enabled {
		file := c.File
		if file == "" && h.dataDir() != "" {
			file = filepath.Join(h.dataDir(), "audit.jsonl")
		}
		if h.audit, err = admin.OpenAudit(file, h.log); err != nil {
			return err
		}
	}
	h.management().Mount(func(pattern string, handler http.Handler) { h.web.Handle(pattern, h.administered(handler)) })
	return nil
}

// management returns the API of this host.
func (h *Host) management() *admin.API {
	options := admin.Options{
		Status: hostStatus{h}, Sessions: openSessions{h}, Plugins: pluginControl{h.plugins}, Audit: h.audit, Logger: h.log,
		Actor: h.actor, More: h.storeRoutes(),
	}
	if h.secured != nil {
		options.Directory, options.Tokens = admin.ManageDirectory(h.secured.directory), sessionTokens{h.secured, h}
	}
	if log := h.Activity(); log != nil {
		options.Activity = sessionActivity{log}
	}
	return admin.New(options)
}

// storeRoutes are what operators do to stores.
func (h *Host) storeRoutes() []admin.Route {
	store := admin.Parameter{Name: "store", Meaning: "name of the store; left out where there is one"}
	backup, archives, compact := http.HandlerFunc(h.serveBackup), http.HandlerFunc(h.serveArchives), http.HandlerFunc(h.serveCompaction)
	return []admin.Route{
		{Method: http.MethodPost, Path: strings.TrimPrefix(backupPath, admin.Prefix), Summary: "Copy the documents of a store", Handler: backup,
			Query:   []admin.Parameter{store, {Name: "archive", Meaning: "id of an archive to copy instead"}},
			Answers: "the copy, with its size and checksum in the trailer " + SnapshotTrailer},
		{Method: http.MethodGet, Path: strings.TrimPrefix(archivePath, admin.Prefix), Summary: "List archives", Handler: archives, Answers: "archives"},
		{Method: http.MethodPost, Path: strings.TrimPrefix(archivePath, admin.Prefix), Summary: "Move documents into a new archive", Handler: archives,
			Query: []admin.Parameter{store, {Name: "path", Meaning: "pattern of the documents; left out: all"}}, Answers: "the archive"},
		{Method: http.MethodDelete, Path: strings.TrimPrefix(archivePath, admin.Prefix), Summary: "Remove an archive and its documents for good", Handler: archives,
			Query: []admin.Parameter{{Name: "id", Meaning: "id of the archive", Needed: true}}, Answers: "what was removed"},
		{Method: http.MethodPost, Path: strings.TrimPrefix(compactPath, admin.Prefix), Summary: "Give back the disk space of what was overwritten and removed", Handler: compact,
			Query: []admin.Parameter{store}, Answers: "what was done"},
	}
}

// administered lets administrators through. Where there is access control the
// permissions have decided.
func (h *Host) administered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h.administrative(r); err != nil {
			refuse(w, http.StatusForbidden, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// actor returns who makes a request, for the audit log.
func (h *Host) actor(r *http.Request) (who, address string) {
	if v := web.VisitorOf(r); v != nil {
		return v.Username(), h.web.AddressOf(r)
	}
	return "an account of this machine", h.web.AddressOf(r)
}

// hostStatus is what the API tells of the host.
type hostStatus struct{ *Host }

// Health implements admin.Status.
func (s hostStatus) Health(ctx context.Context) any { return s.Host.Health(ctx) }

// sessionActivity is the activity of sessions as the API shows it.
type sessionActivity struct{ *activity.Log }

// List implements admin.Activity.
func (s sessionActivity) List(ctx context.Context, id string, skip, limit int) (any, error) {
	all, err := s.Log.List(ctx, id, skip, limit)
	return append([]activity.Entry{}, all...), err // an empty list in JSON, not null
}

// openSessions are the sessions as the API shows them.
type openSessions struct{ host *Host }

// List implements admin.Sessions.
func (o openSessions) List() []json.RawMessage {
	var all []json.RawMessage
	o.host.sessions.Each(func(s *session.Session) { all = append(all, o.record(s)) })
	return all
}

// Session implements admin.Sessions.
func (o openSessions) Session(id string) (json.RawMessage, bool) {
	s := o.host.sessions.Get(id)
	if s == nil {
		return nil, false
	}
	return o.record(s), true
}

// record returns what a session shows of itself and where it came in, but for
// the token, with which its reader could take the session's place.
func (o openSessions) record(s *session.Session) json.RawMessage {
	out := rawjson.AppendString([]byte(`{"endpoint":`), s.Origin.Endpoint)
	for name, value := range rawjson.Members(s.AppendRecord(nil, o.host.record())) {
		if string(name) == "token" || string(name) == "url" { // the address may have a token in it, too
			continue
		}
		out = append(append(rawjson.AppendString(append(out, ','), name), ':'), value...)
	}
	return append(out, '}')
}

// Disconnect implements admin.Sessions.
func (o openSessions) Disconnect(id, reason string) (bool, error) {
	s := o.host.sessions.Get(id)
	switch {
	case s == nil:
		return false, nil
	case s.Origin.Internal:
		return false, &admin.Refusal{Status: http.StatusConflict,
			Message: "the session of " + s.Origin.Endpoint + " is a part of the host; take that away instead"}
	}
	var b session.Batch
	o.host.pipeline.Disconnect(&b, s, reason)
	return true, nil
}
