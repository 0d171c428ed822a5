package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/happn-host/happn-host/client"
)

// desk is what a run does beside its load: it prepares documents, reads them
// back and removes them, through the client that everybody uses. Nothing of it
// happens while measuring.
type desk struct {
	client *client.Client
	size   int // bytes of a document
}

// atOnce is how many requests of a desk are under way.
const atOnce = 256

func (c *Config) desk(ctx context.Context) (*desk, error) {
	opened, err := client.Connect(ctx, client.Options{URL: c.URL, Username: c.Username, Password: c.Password})
	if err != nil {
		return nil, err // it names the address
	}
	return &desk{client: opened, size: c.Size}, nil
}

func (d *desk) close() { _ = d.client.Close() } // it never fails

// server describes the server for the report.
func (d *desk) server() ServerInfo {
	s := d.client.Session()
	return ServerInfo{Name: s.Server, Secure: s.Secure}
}

// place is where a document of a run lies, and the two numbers in it.
type place struct {
	path       string
	key, value uint64
}

// fill stores n documents, which nobody is told about.
func (d *desk) fill(ctx context.Context, n int, at func(n uint64) place) error {
	blank := payload(d.size, false)
	quiet := &client.SetOptions{PublishOptions: client.PublishOptions{NoPublish: true}}
	err := each(ctx, n, atOnce, func(ctx context.Context, i int) error {
		p := at(uint64(i))
		text := strings.NewReplacer(keyMark, tenDigits(p.key), valueMark, tenDigits(p.value)).Replace(blank)
		doc, err := d.client.Set(ctx, p.path, json.RawMessage(text), quiet)
		if err != nil {
			return err
		}
		return checkObject(doc.Data, p.key, p.value)
	})
	if err != nil {
		return fmt.Errorf("store %d documents: %w", n, err)
	}
	return nil
}

// verify reads n documents back.
func (d *desk) verify(ctx context.Context, n int, at func(n uint64) place) error {
	err := each(ctx, n, atOnce, func(ctx context.Context, i int) error {
		p := at(uint64(i))
		doc, err := d.client.Get(ctx, p.path, nil)
		if err == nil {
			err = checkObject(doc.Data, p.key, p.value)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", p.path, err)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read back %d acknowledged documents: %w", n, err)
	}
	return nil
}

// count checks that a pattern finds n documents.
func (d *desk) count(ctx context.Context, pattern string, n int64) error {
	counted, err := d.client.Count(ctx, pattern, nil)
	if err != nil {
		return fmt.Errorf("count %s: %w", strconv.Quote(pattern), err)
	}
	if counted != n {
		return fmt.Errorf("the server counts %d documents, %d were acknowledged", counted, n)
	}
	return nil
}

// remove deletes what a pattern finds, which nobody is told about.
func (d *desk) remove(ctx context.Context, pattern string) error {
	quiet := &client.RemoveOptions{PublishOptions: client.PublishOptions{NoPublish: true}}
	if _, err := d.client.Remove(ctx, pattern, quiet); err != nil {
		return fmt.Errorf("remove the documents of the run, %s: %w", strconv.Quote(pattern), err)
	}
	return nil
}

// tenDigits is a number as a slot writes it.
func tenDigits(n uint64) string { return fmt.Sprintf("%0*d", digits, n) }
