package directory

import (
	"context"
	"slices"
	"strings"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/match"
	"github.com/happn-host/happn-host/internal/rawjson"
	"github.com/happn-host/happn-host/security"
)

// listing is a document and what it is shown as.
type listing[T any] struct {
	doc   *datastore.Document
	shown T
}

// Users lists users whose names match a pattern, to which a `*` is added. options
// are those of a get, raw JSON or nil: criteria, sort, limit, skip, collation.
// They see users as they are stored, but for the password.
func (d *Directory) Users(ctx context.Context, pattern string, options []byte) ([]*security.User, error) {
	return selected(ctx, d.userListings(d.options.prefixed(pattern), func(string) bool { return true }), options)
}

// UsersOf lists the users of a group.
func (d *Directory) UsersOf(ctx context.Context, group string, options []byte) ([]*security.User, error) {
	in := d.UserNamesOf(group)
	return selected(ctx, d.userListings(userPath+"*", func(name string) bool {
		_, ok := slices.BinarySearch(in, name)
		return ok
	}), options)
}

// UserNamesOf returns the names of a group's users, sorted. The name may have a
// `*` for any text.
func (d *Directory) UserNamesOf(group string) []string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	names := map[string]struct{}{}
	for key, users := range d.state.members {
		if key != group && (!strings.Contains(group, "*") || !covers(group, key)) {
			continue
		}
		for user := range users {
			if d.state.users[user] != nil {
				names[user] = struct{}{}
			}
		}
	}
	return sortedKeys(names)
}

// ListGroups lists groups whose paths match a pattern, to which a `*` is added.
func (d *Directory) ListGroups(ctx context.Context, pattern string, options []byte) ([]*security.Group, error) {
	d.mu.RLock()
	var all []listing[*security.Group]
	for _, key := range sortedKeys(d.state.groups) {
		if covers(starred(pattern), key) {
			g := d.state.groups[key]
			all = append(all, listing[*security.Group]{g.doc, d.state.group(key, g)})
		}
	}
	d.mu.RUnlock()
	return selected(ctx, all, options)
}

// userListings returns the wanted users at the paths of a pattern.
func (d *Directory) userListings(pattern string, wanted func(name string) bool) []listing[*security.User] {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var all []listing[*security.User]
	for _, name := range sortedKeys(d.state.users) {
		u := d.state.users[name]
		if !covers(pattern, userPath+name) || !wanted(name) {
			continue
		}
		all = append(all, listing[*security.User]{u.doc, u.account.User()})
	}
	return all
}

// prefixed returns the pattern of the paths of users.
func (o *Options) prefixed(pattern string) string {
	if o.CaseInsensitive && !strings.HasPrefix(security.Admin, strings.TrimRight(pattern, "*")) {
		pattern = strings.ToLower(pattern)
	}
	return userPath + starred(pattern)
}

func starred(pattern string) string {
	if strings.HasSuffix(pattern, "*") {
		return pattern
	}
	return pattern + "*"
}

// covers reports whether a pattern, in which `*` is any text, covers all of it.
func covers(pattern, text string) bool {
	pieces := strings.Split(pattern, "*")
	if len(pieces) == 1 {
		return pattern == text
	}
	rest, ok := strings.CutPrefix(text, pieces[0])
	if !ok {
		return false
	}
	last := len(pieces) - 1
	for _, piece := range pieces[1:last] {
		at := strings.Index(rest, piece)
		if at < 0 {
			return false
		}
		rest = rest[at+len(piece):]
	}
	return strings.HasSuffix(rest, pieces[last])
}

// selected applies the options of a get.
func selected[T any](ctx context.Context, all []listing[T], raw []byte) ([]T, error) {
	if raw != nil {
		var s rawjson.Scanner
		if err := s.Valid(raw); err != nil {
			return nil, invalid("the options of the list are no JSON: %v", err)
		}
	}
	o, err := match.ParseOptions(flattened(raw))
	if err != nil {
		return nil, err
	}
	if o.Filter != nil {
		all = slices.DeleteFunc(all, func(l listing[T]) bool { return !o.Filter.Match(l.doc) })
	}
	if o.Order != nil {
		slices.SortStableFunc(all, func(a, b listing[T]) int { return o.Order.Compare(a.doc, b.doc) })
	}
	all = all[min(max(o.Skip, 0), len(all)):]
	switch {
	case o.Limit > 0:
		all = all[:min(o.Limit, len(all))]
	case o.Limit < 0:
		all = all[:max(0, len(all)+o.Limit)]
	}
	out := make([]T, len(all))
	for i := range all {
		out[i] = all[i].shown
	}
	return out, ctx.Err()
}

// flattened returns the options with those that a get has in a member "options"
// there too: happn-3's lists take all of them side by side.
func flattened(raw []byte) []byte {
	if _, nested := rawjson.Lookup(raw, "options"); nested || !rawjson.IsObject(raw) {
		return raw
	}
	return append(appendMember(open(raw), "options", without(raw, "criteria", "sort", "fields")), '}')
}
