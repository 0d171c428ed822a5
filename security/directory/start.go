package directory

import (
	"context"
	"fmt"

	"github.com/happn-host/happn-host/internal/rawjson"
	"github.com/happn-host/happn-host/security"
)

// adminGroup is the group that may do everything, as happn-3 stores it.
const adminGroup = `{"custom_data":{"description":"the default administration group for happn"},"name":"_ADMIN"}`

// ensureAccounts makes the group and user _ADMIN, and _ANONYMOUS if it is
// wanted, where they are missing. The group has its permission at every start.
func (d *Directory) ensureAccounts(ctx context.Context) error {
	d.changing.Lock()
	defer d.changing.Unlock()
	var steps []step
	everything := grantStep(GroupOf(security.Admin), "*", "*", true)
	if d.state.grants[GroupOf(security.Admin)][everything.path] == nil {
		steps = append(steps, everything)
	}
	if d.state.groups[security.Admin] == nil {
		steps = append(steps, step{path: groupPath + security.Admin, data: []byte(adminGroup)})
	}
	if d.state.users[security.Admin] == nil {
		made, err := d.adminSteps()
		if err != nil {
			return fmt.Errorf("make the user %s: %w", security.Admin, err)
		}
		steps = append(steps, made...)
	}
	if d.options.Anonymous && d.state.users[security.Anonymous] == nil {
		made, err := d.newUser(security.Anonymous, "anonymous", false)
		if err != nil {
			return fmt.Errorf("make the user %s: %w", security.Anonymous, err)
		}
		steps = append(steps, made)
	}
	if len(steps) == 0 {
		return nil
	}
	_, err := d.commit(ctx, steps...)
	return err
}

func (d *Directory) adminSteps() ([]step, error) {
	if d.options.AdminPassword == nil {
		return nil, fmt.Errorf("the store has none, and no password is given for it: set AdminPassword")
	}
	password, err := d.options.AdminPassword()
	if err != nil {
		return nil, err
	}
	if password == "" {
		return nil, fmt.Errorf("its password must not be empty")
	}
	made, err := d.newUser(security.Admin, password, true)
	if err != nil {
		return nil, err
	}
	return []step{{path: linkPath(security.Admin, security.Admin), data: []byte("{}")}, made}, nil
}

// newUser is the step that stores a user with a password.
func (d *Directory) newUser(name, password string, custom bool) (step, error) {
	hash, err := d.options.Hash(password)
	if err != nil {
		return step{}, err
	}
	data := []byte("{")
	if custom {
		data = append(data, `"custom_data":{}`...)
	}
	data = appendMember(data, "username", rawjson.AppendString(nil, name))
	data = appendText(appendText(data, "password", hash), "userid", newID())
	return step{path: userPath + name, data: append(data, '}')}, nil
}
