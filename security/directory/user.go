package directory

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"strconv"

	"github.com/happn-host/happn-host/internal/rawjson"
	"github.com/happn-host/happn-host/security"
	"github.com/happn-host/happn-host/security/durable"
)

// UpsertUser makes or changes a user. raw is an object with at least
// "username", and "password" or "publicKey" for a new one; its other members are
// merged into the stored ones, "permissions" apart (see UpsertPermissions).
// Without overwrite a user that is there is an error.
func (d *Directory) UpsertUser(ctx context.Context, raw []byte, overwrite bool) (*security.User, error) {
	raw, err := object(raw, "user")
	if err != nil {
		return nil, err
	}
	name := d.options.username(text(raw, "username"))
	if err := checkUsername(name); err != nil {
		return nil, err
	}
	return d.upsertUser(ctx, name, raw, overwrite)
}

func (d *Directory) upsertUser(ctx context.Context, name string, raw []byte, overwrite bool) (*security.User, error) {
	permissions, _ := rawjson.Lookup(raw, "permissions")
	edits, err := parseEdits(UserOf(name), permissions)
	if err != nil {
		return nil, err
	}
	if err := d.checkUpsert(name, raw, overwrite); err != nil {
		return nil, err
	}
	data, err := d.hashed(name, raw)
	if err != nil {
		return nil, err
	}
	var stored *security.User
	err = d.change(func() error {
		if err := d.checkUpsert(name, raw, overwrite); err != nil { // it may have changed
			return err
		}
		done, err := d.commit(ctx, d.userSteps(name, data, edits)...)
		if last := done[len(done)-1]; last.Err == nil {
			account, _ := d.Account(name)
			stored = account.User()
			d.tell(userChange(stored, permissions))
		}
		return err
	})
	return stored, err
}

// checkUpsert refuses what depends on whether the user is there.
func (d *Directory) checkUpsert(name string, raw []byte, overwrite bool) error {
	_, there := d.Account(name)
	switch {
	case !there && text(raw, "password") == "" && text(raw, "publicKey") == "":
		return invalid("validation failure: no password or publicKey specified for a new user")
	case there && !overwrite:
		return invalid("validation failure: user by the name %s already exists", name)
	}
	return nil
}

// hashed returns the members to store: with the password's hash in its place,
// and without those that are stored apart.
func (d *Directory) hashed(name string, raw []byte) ([]byte, error) {
	data := appendText([]byte("{"), "username", name)
	for member, value := range rawjson.Members(without(raw, "username", "permissions", "groups", "_meta")) {
		if string(member) == "password" {
			password := string(rawjson.Unquote(value))
			if password == "" {
				continue // it is kept as it is
			}
			hash, err := d.options.Hash(password)
			if err != nil {
				return nil, err
			}
			value = rawjson.AppendString(nil, hash)
		}
		data = appendMember(data, string(member), value)
	}
	return append(data, '}'), nil
}

// userSteps are the steps that store a user: its own document is last. A new one
// begins without what an earlier one of that name may have left.
func (d *Directory) userSteps(name string, data []byte, edits []edit) []step {
	var steps []step
	if _, there := d.Account(name); !there {
		steps = append(d.leftovers(UserOf(name)), d.linkRemovals(name)...)
		data = append(open(without(data, "userid")), `,"userid":"`+newID()+`"}`...)
	}
	steps = append(steps, d.editSteps(UserOf(name), edits)...)
	return append(steps, step{path: userPath + name, data: data, merge: true})
}

// linkRemovals are the steps that take a user out of its groups.
func (d *Directory) linkRemovals(name string) []step {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var steps []step
	for _, group := range sortedKeys(d.state.links[name]) {
		steps = append(steps, step{path: linkPath(name, group)})
	}
	return steps
}

func userChange(u *security.User, permissions []byte) security.Change {
	if !rawjson.IsObject(permissions) {
		permissions = []byte("{}")
	}
	data := appendMember(open(without(u.Data, "permissions", "groups")), "groups", u.AppendGroups(nil))
	return security.Change{What: security.UpsertUser, Data: append(appendMember(data, "permissions", permissions), '}'),
		Users: []string{u.Name}, Reauthorize: true}
}

// SetPassword stores the hash of a password. If replaces is not empty, it does
// so only while that is the stored hash, and reports whether it was.
func (d *Directory) SetPassword(ctx context.Context, name, hash, replaces string) (done bool, err error) {
	name = d.options.username(name)
	err = d.change(func() error {
		account, ok := d.Account(name)
		if !ok {
			return invalid("%s does not exist in the system", name)
		}
		if replaces != "" && account.PasswordHash() != replaces {
			return nil
		}
		_, err := d.commit(ctx, step{path: userPath + name, data: append(appendText([]byte("{"), "password", hash), '}'), merge: true})
		done = err == nil
		return err
	})
	return done, err
}

// Deletion is what went with a user or group.
type Deletion struct {
	Removed     int    // users or groups: 1, or 0 if there was none
	Links       int    // between users and groups
	Permissions int    // of the one that was deleted
	Data        []byte // what happn-3 answers, raw JSON
}

// DeleteUser deletes a user, its links and permissions.
func (d *Directory) DeleteUser(ctx context.Context, name string) (Deletion, error) {
	name = d.options.username(name)
	if name == security.Admin || name == security.Anonymous {
		return Deletion{}, invalid("unable to delete a user with the reserved name: %s", name)
	}
	if name == "" {
		return Deletion{}, invalid("user is null or not an object")
	}
	var out Deletion
	err := d.change(func() error {
		links, grants := d.linkRemovals(name), d.leftovers(UserOf(name))
		steps := append(append([]step{{path: userPath + name}}, links...), grants...)
		done, err := d.commit(ctx, steps...)
		out = counted(done, len(links), len(grants))
		now := d.options.Now().UnixMilli()
		out.Data = appendMember([]byte("{"), "obj", removedResult(out.Removed, userPath+name, now))
		out.Data = append(appendMember(out.Data, "tree", removedResult(out.Links, userPath+name+"/*", now)), '}')
		if done[0].Err == nil {
			d.tell(security.Change{What: security.DeleteUser, Data: out.Data, Users: []string{name}, Deleted: true})
		}
		return err
	})
	return out, err
}

// counted counts what was removed: the first document is the user or group, then
// come its links, then its permissions.
func counted(done []durable.Result, links, grants int) (out Deletion) {
	out.Removed = done[0].Removed
	for i, one := range done[1:] {
		switch {
		case i < links:
			out.Links += one.Removed
		case i < links+grants:
			out.Permissions += one.Removed
		}
	}
	return out
}

// newID returns a random UUID of version 4.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, see its documentation
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// number writes a number as JSON.
func number(n int64) []byte { return strconv.AppendInt(nil, n, 10) }
