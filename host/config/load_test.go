package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/config"
)

// write puts content into a file of that name and returns its path.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// problems returns the text of every error that Load joined, with the folder of
// the file taken out.
func problems(t *testing.T, err error, file string) []string {
	t.Helper()
	require.Error(t, err)
	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok, "Load joins its errors")
	var all []string
	for _, one := range joined.Unwrap() {
		var detail *config.Error
		require.ErrorAs(t, one, &detail)
		text := one.Error()
		if file != "" {
			text = strings.ReplaceAll(text, file, filepath.Base(file))
		}
		all = append(all, text)
	}
	return all
}

func TestNothingGivenIsTheDefault(t *testing.T) {
	got, err := config.Load(config.Sources{})
	require.NoError(t, err)
	require.Equal(t, config.Default(), got)
	require.NoError(t, got.Validate())
	require.Equal(t, "127.0.0.1", got.Host, "an insecure host is not reachable from a network unless told")
}

func TestLaterSourcesOverrideEarlierOnesKeyByKey(t *testing.T) {
	file := write(t, "host.yaml", "name: file\nport: 1\nhost: 10.0.0.1\nwebsocket:\n  pingInterval: 1s\n  compression: true\n")
	got, err := config.Load(config.Sources{
		File:  file,
		Env:   []string{"PATH=/bin", "HAPPN_PORT=2", "HAPPN_NAME=env", "HAPPN_WEBSOCKET_PINGINTERVAL=2s"},
		Flags: map[string]string{"name": "flag", "data": "/data"},
	})
	require.NoError(t, err)
	want := config.Default()
	want.Name, want.Port, want.Host, want.Data.Dir = "flag", 2, "10.0.0.1", "/data"
	want.Websocket.PingInterval, want.Websocket.Compression = 2*time.Second, true
	require.Equal(t, want, got)
}

func TestValuesInEverySourceAndForm(t *testing.T) {
	cases := map[string]struct {
		file, content string
		env           []string
		flags         map[string]string
		change        func(*config.Config)
	}{
		"a size with a unit in YAML": {file: "a.yml", content: "websocket: {maxMessageBytes: 2 MiB}",
			change: func(c *config.Config) { c.Websocket.MaxMessageBytes = 2 << 20 }},
		"plain bytes in JSON": {file: "a.json", content: `{"websocket": {"maxMessageBytes": 4096}}`,
			change: func(c *config.Config) { c.Websocket.MaxMessageBytes = 4096 }},
		"a dotted key in a file": {file: "a.yaml", content: "plugins.default.memoryMiB: 32",
			change: func(c *config.Config) { c.Plugins.Default.MemoryMiB = 32 }},
		"a shorter list replaces the default": {file: "a.json", content: `{"websocket": {"origins": []}}`,
			change: func(c *config.Config) { c.Websocket.Origins = []string{} }},
		"a list in YAML": {file: "a.yaml", content: "websocket:\n  origins:\n    - https://a.example\n    - http://b.example:8080\n",
			change: func(c *config.Config) {
				c.Websocket.Origins = []string{"https://a.example", "http://b.example:8080"}
			}},
		"a list in the environment": {env: []string{"HAPPN_WEBSOCKET_ORIGINS=https://a.example, https://b.example"},
			change: func(c *config.Config) { c.Websocket.Origins = []string{"https://a.example", "https://b.example"} }},
		"environment names in any case": {env: []string{"happn_Shutdown_Reconnect=FALSE"},
			change: func(c *config.Config) { c.Shutdown.Reconnect = false }},
		"zero with a meaning of its own": {flags: map[string]string{"websocket.pingInterval": "0"},
			change: func(c *config.Config) { c.Websocket.PingInterval = 0 }},
		"no plugins": {env: []string{"HAPPN_PLUGINS_DIR="},
			change: func(c *config.Config) { c.Plugins.Dir = "" }},
		"an IPv6 address": {flags: map[string]string{"host": "::1"},
			change: func(c *config.Config) { c.Host = "::1" }},
		"an empty file":               {file: "a.yaml"},
		"an empty JSON file":          {file: "a.json", content: "\n"},
		"a file of comments":          {file: "a.yaml", content: "# nothing yet\n"},
		"a section without keys":      {file: "a.yaml", content: "websocket:\n#  compression: true\n"},
		"an alias inside a YAML file": {file: "a.yaml", content: "host: &h 10.0.0.9\nname: *h\n", change: func(c *config.Config) { c.Host, c.Name = "10.0.0.9", "10.0.0.9" }},
		"a name that looks like a number": {file: "a.yaml", content: "name: 007",
			change: func(c *config.Config) { c.Name = "007" }},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			sources := config.Sources{Env: tc.env, Flags: tc.flags}
			if tc.file != "" {
				sources.File = write(t, tc.file, tc.content)
			}
			got, err := config.Load(sources)
			require.NoError(t, err)
			want := config.Default()
			if tc.change != nil {
				tc.change(&want)
			}
			require.Equal(t, want, got)
		})
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	cases := map[string]struct {
		file, content string
		env           []string
		flags         map[string]string
		want          []string
	}{
		"unknown key in YAML": {file: "h.yaml", content: "port: 1\nwebsocket:\n  pingIntervall: 3s\n",
			want: []string{"file h.yaml line 3: websocket.pingIntervall: is not a known key; did you mean websocket.pingInterval?"}},
		"unknown key in JSON": {file: "h.json", content: "{\n\t\"port\": 1,\n\t\"prot\": 2\n}",
			want: []string{"file h.json line 3: prot: is not a known key; did you mean port?"}},
		"key without its section": {file: "h.yaml", content: "pingInterval: 3s",
			want: []string{"file h.yaml line 1: pingInterval: is not a known key; did you mean websocket.pingInterval?"}},
		"key in the wrong case": {file: "h.yaml", content: "websocket: {pinginterval: 3s}",
			want: []string{"file h.yaml line 1: websocket.pinginterval: is not a known key; did you mean websocket.pingInterval?"}},
		"unknown section": {file: "h.yaml", content: "websockets:\n  pingInterval: 3s\n  compression: true\n",
			want: []string{"file h.yaml line 1: websockets: is not a known section; did you mean websocket?"}},
		"unknown environment variable": {env: []string{"HAPPN_WEBSOCKET_PING_INTERVAL=3s"},
			want: []string{"environment variable HAPPN_WEBSOCKET_PING_INTERVAL: is not a known key; did you mean HAPPN_WEBSOCKET_PINGINTERVAL?"}},
		"unknown flag": {flags: map[string]string{"plugin": "x"},
			want: []string{"flag --plugin: is not a known flag; did you mean --plugins?"}},
		"value instead of a section": {file: "h.yaml", content: "log: debug",
			want: []string{`file h.yaml line 1: log: found "debug", expected a section of keys such as log.format`}},
		"section instead of a value": {file: "h.yaml", content: "port:\n  tcp: 1",
			want: []string{"file h.yaml line 1: port: found a section, expected a whole number, 0 to 65535"}},
		"list instead of a value": {file: "h.yaml", content: "port: [1, 2]",
			want: []string{`file h.yaml line 1: port: found "[1, 2]", expected a whole number, 0 to 65535`}},
		"nothing instead of a value": {file: "h.yaml", content: "port:\n",
			want: []string{"file h.yaml line 1: port: found nothing, expected a whole number, 0 to 65535"}},
		"text instead of a number": {env: []string{"HAPPN_PORT=tcp://10.0.0.1:55000"},
			want: []string{`environment variable HAPPN_PORT: port: found "tcp://10.0.0.1:55000", expected a whole number, 0 to 65535`}},
		"number out of bounds": {flags: map[string]string{"port": "65536"},
			want: []string{`flag --port: found "65536", expected a whole number, 0 to 65535`}},
		"duration without a unit": {file: "h.json", content: `{"shutdown": {"timeout": 20}}`,
			want: []string{`file h.json line 1: shutdown.timeout: found "20", expected a duration with a unit (250ms, 30s, 2m, 1h30m), 1ms to 1h`}},
		"size with an unknown unit": {flags: map[string]string{"http.maxHeaderBytes": "16KB"},
			want: []string{`flag --http.maxHeaderBytes: found "16KB", expected a size in bytes or with a unit (1048576, 64KiB, 10MiB, 1GiB), 1KiB to 16MiB`}},
		"size that overflows": {flags: map[string]string{"http.maxHeaderBytes": "9223372036854775807GiB"},
			want: []string{`flag --http.maxHeaderBytes: found "9223372036854775807GiB", expected a size in bytes or with a unit (1048576, 64KiB, 10MiB, 1GiB), 1KiB to 16MiB`}},
		"not one of the choices": {env: []string{"HAPPN_DATA_DURABILITY=fast"},
			want: []string{`environment variable HAPPN_DATA_DURABILITY: data.durability: found "fast", expected one of sync, async, none`}},
		"bounds with a special zero": {flags: map[string]string{"plugins.default.instances": "-1"},
			want: []string{`flag --plugins.default.instances: found "-1", expected a whole number, 1 to 1024 instances, or 0 for one for each processor`}},
		"not a switch": {env: []string{"HAPPN_SHUTDOWN_RECONNECT=ja"},
			want: []string{`environment variable HAPPN_SHUTDOWN_RECONNECT: shutdown.reconnect: found "ja", expected true or false`}},
		"not a host": {flags: map[string]string{"host": "localhost:80"},
			want: []string{`flag --host: found "localhost:80", expected an IP address or a host name without port, such as 127.0.0.1, 0.0.0.0 or ::`}},
		"no data folder": {file: "h.yaml", content: "data:\n  dir: ''\n",
			want: []string{"file h.yaml line 2: data.dir: found nothing, expected the path of a folder, or data.durability none to keep everything in memory"}},
		"not an origin": {file: "h.yaml", content: "websocket:\n  origins: [example.com]",
			want: []string{`file h.yaml line 2: websocket.origins: found "[example.com]", expected a list of origins (scheme://host or scheme://host:port), or * for any`}},
		"list of lists": {file: "h.yaml", content: "websocket:\n  origins:\n    - [a]\n",
			want: []string{"file h.yaml line 3: websocket.origins: found a list in the list, expected texts"}},
		"the same key twice": {file: "h.json", content: "{\"port\": 1,\n\"port\": 2}",
			want: []string{"file h.json line 2: port: stands here and in line 1, expected once"}},
		"the same key in two forms": {file: "h.yaml", content: "log.level: info\nlog:\n  level: debug\n",
			want: []string{"file h.yaml line 3: log.level: stands here and in line 1, expected once"}},
		"no keys at all": {file: "h.yaml", content: "port 7000",
			want: []string{"file h.yaml line 1: found no keys, expected a section of keys such as port: 55000"}},
		"not YAML": {file: "h.yaml", content: "port: [1\nname: x\n",
			want: []string{"file h.yaml: is not YAML: line 1: did not find expected ',' or ']'"}},
		"a YAML alias in itself": {file: "h.yaml", content: "name: &a [*a]",
			want: []string{"file h.yaml: is nested too deep in line 1, expected at most 32 levels"}},
		"a YAML merge key": {file: "h.yaml", content: "log: &l {level: info}\nhttp:\n  <<: *l\n",
			want: []string{"file h.yaml: uses a YAML merge key in line 3, which is not supported; write the keys out"}},
		"two YAML documents": {file: "h.yaml", content: "port: 1\n---\nport: 2\n",
			want: []string{"file h.yaml: holds more than one YAML document, expected one"}},
		"not JSON": {file: "h.json", content: "{\n\"port\": 1,\n\"name\": oops\n}",
			want: []string{"file h.json: is not JSON: line 3: invalid character 'o' looking for beginning of value"}},
		"JSON that ends early": {file: "h.json", content: "{\n\"port\": 1,\n",
			want: []string{"file h.json: is not JSON: it ends in line 3 before the value does"}},
		"two JSON values": {file: "h.json", content: "{}\n{}",
			want: []string{"file h.json: holds more than one JSON value in line 2, expected one"}},
		"a name without a form": {file: "host.conf", content: "port: 1",
			want: []string{"file host.conf: has a name that does not say its form; call it something.yaml, .yml or .json"}},
		"a queue smaller than a message": {flags: map[string]string{"websocket.writeQueueBytes": "1MiB"},
			want: []string{"flag --websocket.writeQueueBytes: a write queue of 1MiB cannot hold one message of 10MiB; raise websocket.writeQueueBytes or lower websocket.maxMessageBytes"}},
		"a rule about a broken key stays silent": {flags: map[string]string{"websocket.writeQueueBytes": "much", "websocket.maxMessageBytes": "1GiB"},
			want: []string{`flag --websocket.writeQueueBytes: found "much", expected a size in bytes or with a unit (1048576, 64KiB, 10MiB, 1GiB), 256 to 1GiB`}},
		"everything at once": {file: "h.yaml", content: "port: x\nnmae: y\n",
			env: []string{"HAPPN_LOG_LEVEL=loud"}, flags: map[string]string{"websocket.maxMessageBytes": "1GiB"},
			want: []string{
				"file h.yaml line 2: nmae: is not a known key; did you mean name?",
				`file h.yaml line 1: port: found "x", expected a whole number, 0 to 65535`,
				`environment variable HAPPN_LOG_LEVEL: log.level: found "loud", expected one of debug, info, warn, error`,
				"flag --websocket.maxMessageBytes: a write queue of 16MiB cannot hold one message of 1GiB; raise websocket.writeQueueBytes or lower websocket.maxMessageBytes",
			}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			sources := config.Sources{Env: tc.env, Flags: tc.flags}
			if tc.file != "" {
				sources.File = write(t, tc.file, tc.content)
			}
			_, err := config.Load(sources)
			require.Equal(t, tc.want, problems(t, err, sources.File))
		})
	}
}

func TestAFileThatCannotBeReadSaysWhy(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing.yaml")
	_, err := config.Load(config.Sources{File: missing})
	require.Equal(t, []string{"file missing.yaml: does not exist; check the path, or leave --config out to run with the defaults"},
		problems(t, err, missing))

	folder := filepath.Join(t.TempDir(), "folder.yaml")
	require.NoError(t, os.Mkdir(folder, 0o700))
	_, err = config.Load(config.Sources{File: folder})
	require.Equal(t, []string{"file folder.yaml: is a folder, expected a file"}, problems(t, err, folder))

	big := write(t, "big.yaml", strings.Repeat("#\n", 3<<20))
	_, err = config.Load(config.Sources{File: big})
	require.Equal(t, []string{"file big.yaml: has 6291456 bytes, expected at most 4MiB"}, problems(t, err, big))
}

func TestValidateSpeaksOfAllThatAProgramGotWrong(t *testing.T) {
	c := config.Default()
	c.Port, c.Data.Dir, c.PubSub.AckTimeout = -1, " ", 0
	err := c.Validate()
	require.Equal(t, []string{
		`port: found "-1", expected a whole number, 0 to 65535`,
		`data.dir: found " ", expected the path of a folder, or nothing`,
		`pubsub.ackTimeout: found "0s", expected a duration with a unit (250ms, 30s, 2m, 1h30m), 1ms to 1h`,
	}, problems(t, err, ""))

	c = config.Default()
	c.Websocket.WriteQueueBytes = 1 << 20
	var detail *config.Error
	require.True(t, errors.As(c.Validate(), &detail))
	require.Equal(t, "websocket.writeQueueBytes", detail.Key)
}

func FuzzLoadNeverPanics(f *testing.F) {
	f.Add("port: 1\nwebsocket:\n  origins: [a]\n", true)
	f.Add(`{"port": 1, "log": {"level": null}}`, false)
	f.Add("a: &a [*a]", true)
	f.Fuzz(func(t *testing.T, content string, yaml bool) {
		name := "a.json"
		if yaml {
			name = "a.yaml"
		}
		c, err := config.Load(config.Sources{File: write(t, name, content)})
		if err == nil {
			require.NoError(t, c.Validate(), "what Load accepts is valid")
		}
	})
}
