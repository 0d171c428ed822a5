package admin

import (
	"context"
	"encoding/json"

	"github.com/happn-host/happn-host/security"
	"github.com/happn-host/happn-host/security/directory"
)

// directoryOf is a directory with the methods that a Directory has.
type directoryOf struct{ *directory.Directory }

// ManageDirectory returns the directory as the API manages it.
func ManageDirectory(d *directory.Directory) Directory { return directoryOf{d} }

// User implements Directory.
func (d directoryOf) User(name string) (*security.User, bool) {
	account, ok := d.Account(name)
	if !ok {
		return nil, false
	}
	return account.User(), true
}

// RemoveUser implements Directory.
func (d directoryOf) RemoveUser(ctx context.Context, name string) (bool, error) {
	done, err := d.DeleteUser(ctx, name)
	return done.Removed > 0, err
}

// RemoveGroup implements Directory.
func (d directoryOf) RemoveGroup(ctx context.Context, name string) (bool, error) {
	if _, there := d.Group(name); !there {
		return false, nil
	}
	done, err := d.DeleteGroup(ctx, name)
	return done.Removed > 0, err
}

// Link implements Directory.
func (d directoryOf) Link(ctx context.Context, group, user string, data []byte) error {
	_, err := d.LinkGroup(ctx, group, user, data)
	return err
}

// Unlink implements Directory.
func (d directoryOf) Unlink(ctx context.Context, group, user string) (bool, error) {
	removed, err := d.UnlinkGroup(ctx, group, user)
	return removed > 0, err
}

func ownerOf(h Holder) directory.Owner { return directory.Owner{Name: h.Name, Group: h.Group} }

// Granted implements Directory.
func (d directoryOf) Granted(h Holder) []security.Granted { return d.Permissions(ownerOf(h)) }

// Permit implements Directory.
func (d directoryOf) Permit(ctx context.Context, h Holder, g security.Granted) error {
	_, err := d.UpsertPermission(ctx, ownerOf(h), g.Path, g.Action, g.Authorized)
	return err
}

// Withdraw implements Directory. What is prohibited is taken back, too.
func (d directoryOf) Withdraw(ctx context.Context, h Holder, path, action string) (int, error) {
	if path == "" || action == "" {
		return d.withdraw(ctx, h, path, action)
	}
	allowed, err := d.RemovePermission(ctx, ownerOf(h), path, action) // which tells clients just that
	if err != nil {
		return allowed, err
	}
	prohibited, err := d.withdraw(ctx, h, path, action)
	return allowed + prohibited, err
}

func (d directoryOf) withdraw(ctx context.Context, h Holder, path, action string) (int, error) {
	type removal struct {
		Actions  []string `json:"actions,omitempty"`
		Prohibit []string `json:"prohibit,omitempty"`
		Remove   bool     `json:"remove"`
	}
	edits, removed := map[string]*removal{}, 0
	for _, g := range d.Granted(h) {
		if path != "" && g.Path != path || action != "" && g.Action != action {
			continue
		}
		if edits[g.Path] == nil {
			edits[g.Path] = &removal{Remove: true}
		}
		if g.Authorized {
			edits[g.Path].Actions = append(edits[g.Path].Actions, g.Action)
		} else {
			edits[g.Path].Prohibit = append(edits[g.Path].Prohibit, g.Action)
		}
		removed++
	}
	if removed == 0 {
		return 0, nil
	}
	raw, err := json.Marshal(edits)
	if err != nil {
		return 0, err
	}
	return removed, d.UpsertPermissions(ctx, ownerOf(h), raw)
}
