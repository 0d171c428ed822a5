package directory

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/security"
)

// Directory is for any goroutine. Locks are taken in the order in which they
// stand here.
type Directory struct {
	options  Options
	store    datastore.Store
	accounts sync.Map // *Account by name

	// changing is held from the first look at what is to be changed until the
	// change took effect.
	changing sync.Mutex
	mu       sync.RWMutex // of state
	state    *state

	told     sync.Mutex // held while hearers are told, so that they hear in order
	hearing  sync.Mutex // of what follows
	untold   []security.Change
	hearers  map[int]func(security.Change)
	sequence int
}

// Open reads the directory of a store, and makes the group and user _ADMIN if
// they are missing. A Directory needs no closing.
func Open(ctx context.Context, store datastore.Store, o Options) (*Directory, error) {
	o, err := o.ensureDefaults()
	if err != nil {
		return nil, err
	}
	d := &Directory{options: o, store: store, state: newState(), hearers: map[int]func(security.Change){}}
	if err := d.load(ctx); err != nil {
		return nil, err
	}
	if err := d.ensureAccounts(ctx); err != nil {
		return nil, err
	}
	return d, nil
}

// load reads all documents into a new state. Accounts that are still there stay
// the same.
func (d *Directory) load(ctx context.Context) error {
	fresh, touched := newState(), newDirty()
	err := d.store.Find(ctx, &datastore.Query{Pattern: []byte(rootPath + "*")}, func(doc *datastore.Document) bool {
		if !d.volatile(doc.Path) {
			fresh.apply(doc.Path, doc, touched)
		}
		return true
	})
	if err != nil {
		return fmt.Errorf("read the users and groups of the store: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, all := range d.state.grants { // those that are in memory only
		for path, g := range all {
			if d.volatile(path) {
				fresh.apply(path, g.doc, touched)
			}
		}
	}
	for name, before := range d.state.users {
		switch u := fresh.users[name]; {
		case u == nil:
			before.account.end()
			touched.users[name] = struct{}{}
		case text(u.doc.Data, "userid") != before.account.User().ID:
			before.account.end()
		default:
			u.account = before.account
		}
	}
	d.state = fresh
	d.refresh(touched)
	return nil
}

// Account returns the account of a user. It takes no lock.
func (d *Directory) Account(name string) (*Account, bool) {
	found, ok := d.accounts.Load(d.options.username(name))
	if !ok {
		return nil, false
	}
	return found.(*Account), true
}

// Groups returns the names of the groups that a user is in, sorted.
func (d *Directory) Groups(name string) []string {
	a, ok := d.Account(name)
	if !ok {
		return nil
	}
	return sortedKeys(a.User().Groups)
}

// Belongs reports whether a user is in all of these groups. Of no group it is
// in none.
func (d *Directory) Belongs(user string, groups ...string) bool {
	a, ok := d.Account(user)
	if !ok {
		return false
	}
	in := a.User().Groups
	return len(groups) > 0 && !slices.ContainsFunc(groups, func(g string) bool { _, ok := in[g]; return !ok })
}

// OnChange calls heard with every change from now on until stop is called: after
// it took effect, one after the other, on the goroutine of one who changes
// something, which waits for it. heard may read the directory, but must not
// change it.
func (d *Directory) OnChange(heard func(security.Change)) (stop func()) {
	d.hearing.Lock()
	defer d.hearing.Unlock()
	d.sequence++
	id := d.sequence
	d.hearers[id] = heard
	return func() {
		d.hearing.Lock()
		defer d.hearing.Unlock()
		delete(d.hearers, id)
	}
}

// tell queues a change while it is certain to be the last one.
func (d *Directory) tell(c security.Change) {
	d.hearing.Lock()
	defer d.hearing.Unlock()
	d.untold = append(d.untold, c)
}

// deliver tells the hearers of what is queued. It is called without other locks.
func (d *Directory) deliver() {
	d.told.Lock()
	defer d.told.Unlock()
	for {
		d.hearing.Lock()
		if len(d.untold) == 0 {
			d.hearing.Unlock()
			return
		}
		c := d.untold[0]
		d.untold = d.untold[1:]
		var hearers []func(security.Change)
		for _, id := range sortedKeys(d.hearers) {
			hearers = append(hearers, d.hearers[id])
		}
		d.hearing.Unlock()
		for _, heard := range hearers {
			heard(c)
		}
	}
}

// change runs one change of the directory after the other, and tells of it.
func (d *Directory) change(carryOut func() error) error {
	defer d.deliver()
	d.changing.Lock()
	defer d.changing.Unlock()
	return carryOut()
}
