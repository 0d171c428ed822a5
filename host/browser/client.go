package browser

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Client is the scripts that a page needs, in memory. A nil Client has none.
type Client struct {
	version string
	scripts map[string]*script // by path
}

// script is what one path answers.
type script struct {
	text        []byte
	modified    time.Time // of the newest file in it
	contentType string
	cache       string // the header Cache-Control, "" is none
}

// Paths of the scripts. The first is the client; it asks for the second when the
// page has no transport yet, and for the third to log in with a key. The last is
// the transport where Primus itself serves it.
const (
	clientPath    = "/browser_client"
	transportPath = "/browser_primus.js"
	cryptoPath    = "/browser_crypto.js"
	primusPath    = "/primus/primus.js"
)

// Open reads the client from the folder of an installed npm package happn-3,
// such as node_modules/happn-3, and from what that package depends on. Later
// changes of the files have no effect.
func Open(folder string) (*Client, error) {
	c, err := read(folder)
	if err != nil {
		return nil, fmt.Errorf("the browser client cannot be read from %s: %w; install it with npm install happn-3, "+
			"and name the folder node_modules/happn-3", folder, err)
	}
	return c, nil
}

func read(folder string) (*Client, error) {
	folder, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return nil, err
	}
	if folder, err = filepath.Abs(folder); err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(filepath.Join(folder, "package.json"))
	if err != nil {
		return nil, err
	}
	var about struct{ Name, Version, Protocol string }
	if err := json.Unmarshal(raw, &about); err != nil {
		return nil, fmt.Errorf("package.json: %w", err)
	}
	if about.Name != "happn-3" || about.Protocol == "" {
		return nil, fmt.Errorf("it holds the package %q", about.Name)
	}
	p := &parts{folder: folder}
	client := assemble(about.Version, about.Protocol, p.own("lib/client.js"),
		p.of("happn-commons", "lib/constants.js"), p.of("happn-commons", "lib/utils.js"))
	assembled := p.newest
	p.newest = time.Time{}
	transport := p.own("lib/services/connect/public/browser_primus.js")
	installed := p.newest
	p.newest = time.Time{}
	crypto := p.of("happn-util-crypto", "build/lib/crypto.js")
	if err := errors.Join(p.errs...); err != nil {
		return nil, err
	}
	return &Client{version: about.Version, scripts: map[string]*script{
		clientPath:    {client, assembled, "application/javascript", ""},
		transportPath: {transport, installed, "application/javascript; charset=UTF-8", "public, max-age=0"},
		cryptoPath:    {crypto, p.newest, "application/javascript", ""},
		primusPath:    {transport, installed, "text/javascript; charset=utf-8", ""},
	}}, nil
}

// Version returns the release of the client.
func (c *Client) Version() string { return c.version }

// assemble puts the client's script together. In the package's own file stand
// names of what belongs there; only the first of each counts.
func assemble(version, protocol string, client, constants, utils []byte) []byte {
	exports := []byte("module.exports = ")
	put := func(place, text string) {
		client = bytes.Replace(client, []byte(place), []byte(text), 1)
	}
	put("{{protocol}}", protocol)
	put("{{version}}", version)
	put("//{{constants}}", "\r\nCONSTANTS = "+string(bytes.Replace(constants, exports, nil, 1))+"\r\n")
	put("//{{utils}}", "\r\nutils = "+string(bytes.Replace(utils, exports, nil, 1))+"\r\n")
	return append([]byte("//happn client v"+version+"\r\n//protocol v"+protocol+"\r\n"), client...)
}

// parts reads files of the package and of those that it depends on.
type parts struct {
	folder string
	newest time.Time
	errs   []error
}

func (p *parts) own(name string) []byte {
	return p.read(filepath.Join(p.folder, filepath.FromSlash(name)))
}

// of reads a file of a dependency, which lies in a folder node_modules here or
// above.
func (p *parts) of(dependency, name string) []byte {
	for dir := p.folder; ; dir = filepath.Dir(dir) {
		file := filepath.Join(dir, "node_modules", dependency, filepath.FromSlash(name))
		if _, err := os.Stat(file); err == nil {
			return p.read(file)
		}
		if dir == filepath.Dir(dir) {
			p.errs = append(p.errs, fmt.Errorf("the package %s, which it needs, has no %s", dependency, name))
			return nil
		}
	}
}

func (p *parts) read(file string) []byte {
	info, err := os.Stat(file)
	if err == nil && info.ModTime().After(p.newest) {
		p.newest = info.ModTime()
	}
	text, readErr := os.ReadFile(file)
	if err := errors.Join(err, readErr); err != nil {
		p.errs = append(p.errs, err)
	}
	return text
}

// Serve answers a request for one of the scripts, and reports whether it was one.
// A nil Client says how to get them.
func (c *Client) Serve(w http.ResponseWriter, r *http.Request) bool {
	path := r.URL.Path
	switch {
	case strings.HasPrefix(path, cryptoPath+"/"):
		path = cryptoPath
	case path == clientPath && r.URL.RawQuery != "":
		return false
	case path != clientPath && path != transportPath && path != cryptoPath && path != primusPath:
		return false
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	if c == nil {
		http.Error(w, "this host serves no browser client: install the npm package happn-3 on its machine, and name the "+
			"package's folder in the setting http.browserClient", http.StatusNotFound)
		return true
	}
	c.scripts[path].serve(w, r)
	return true
}

func (s *script) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", s.contentType)
	h.Set("Etag", fmt.Sprintf(`W/"%x-%x"`, len(s.text), s.modified.Round(time.Millisecond).UnixMilli()))
	if s.cache != "" {
		h.Set("Cache-Control", s.cache)
	}
	http.ServeContent(w, r, "", s.modified, bytes.NewReader(s.text))
}
