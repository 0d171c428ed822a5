package mongo

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"
)

// client returns the driver's options. An error never holds a password.
func (o Options) client(monitor *event.ServerMonitor) (*options.ClientOptions, error) {
	uri, err := withExtra(o.URL, o.Extra)
	if err != nil {
		return nil, err
	}
	c := options.Client().SetAppName("happn-host").SetMaxPoolSize(defaultPool).
		SetTimeout(defaultTimeout).SetServerSelectionTimeout(defaultSelection).
		SetConnectTimeout(defaultConnect).SetHeartbeatInterval(defaultHeartbeat).
		SetRetryReads(true).SetRetryWrites(true).ApplyURI(uri)
	if err := c.Validate(); err != nil {
		return nil, errors.New(withoutSecrets(withoutSecrets(err.Error(), uri), o.URL))
	}
	c.SetReadPreference(readpref.Primary()).SetReadConcern(readconcern.Local()).SetServerMonitor(monitor)
	o.explicit(c)
	return c, o.concern(c)
}

// explicit sets what the options themselves say, and what must not be without
// bounds: a URL can ask for that.
func (o Options) explicit(c *options.ClientOptions) {
	if o.MaxPoolSize > 0 {
		c.SetMaxPoolSize(o.MaxPoolSize)
	}
	if o.External && *c.MaxPoolSize > 0 { // 0 is without bounds
		c.SetMaxPoolSize(*c.MaxPoolSize + 1) // the stream of changes nearly always has one
	}
	c.SetTimeout(either0(o.Timeout, *c.Timeout, defaultTimeout))
	c.SetServerSelectionTimeout(either0(o.Selection, *c.ServerSelectionTimeout, defaultSelection))
	c.SetConnectTimeout(either0(o.Connect, *c.ConnectTimeout, defaultConnect))
	c.SetHeartbeatInterval(either0(o.Heartbeat, *c.HeartbeatInterval, defaultHeartbeat))
}

// withExtra returns the URL with further options in place of its own.
func withExtra(raw string, extra map[string]string) (string, error) {
	if len(extra) == 0 {
		return raw, nil
	}
	base, query, _ := strings.Cut(raw, "?")
	if _, hosts, _ := strings.Cut(base, "://"); !strings.Contains(hosts, "/") {
		base += "/"
	}
	kept := slices.DeleteFunc(strings.FieldsFunc(query, func(r rune) bool { return r == '&' || r == ';' }), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		for own := range extra {
			if strings.EqualFold(own, name) {
				return true
			}
		}
		return false
	})
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		pair := url.QueryEscape(name) + "=" + url.QueryEscape(extra[name])
		if parsed, err := connstring.Parse("mongodb://127.0.0.1/?" + pair); err == nil && len(parsed.UnknownOptions) > 0 {
			return "", fmt.Errorf("opts has %q, which is no option of MongoDB's connection strings; correct or remove it", name)
		}
		kept = append(kept, pair)
	}
	return base + "?" + strings.Join(kept, "&"), nil
}

// concern sets the write concern.
func (o Options) concern(c *options.ClientOptions) error {
	concern := writeconcern.WriteConcern{}
	if c.WriteConcern != nil {
		concern = *c.WriteConcern
	}
	if o.W != "" {
		concern.W = o.W
		if n, err := parseW(o.W); err == nil {
			concern.W = n
		}
	}
	if concern.W == 0 {
		return errors.New("w is 0, with which the server does not say whether it has a write; use 1 or majority")
	}
	if o.Journal {
		journal := true
		concern.Journal = &journal
	}
	if concern != (writeconcern.WriteConcern{}) {
		c.SetWriteConcern(&concern)
	}
	return nil
}

func parseW(text string) (n int, err error) {
	_, err = fmt.Sscanf(text, "%d", &n)
	return n, err
}
