package config_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/config"
)

const twoStores = `
data:
  stores:
    - name: cache
      provider: memory
      patterns: [/cache/*, /_TMP/*]
    - {name: history, dir: ./h, durability: async, patterns: [/history/*]}
  indexes:
    - paths: [/users/*]
      fields: {region: 1, age: -1, b: 1, a: 1}
      unique: true
`

func TestListsOfSectionsInEverySource(t *testing.T) {
	want := config.Default()
	want.Data.Stores = []config.DataStore{
		{Name: "cache", Provider: "memory", Patterns: []string{"/cache/*", "/_TMP/*"}},
		{Name: "history", Dir: "./h", Durability: "async", Patterns: []string{"/history/*"}},
	}
	want.Data.Indexes = []config.DataIndex{{Paths: []string{"/users/*"}, Unique: true, Fields: config.IndexFields{
		{Name: "region"}, {Name: "age", Descending: true}, {Name: "b"}, {Name: "a"}, // the order is the one written
	}}}
	stores := `[{"name":"cache","provider":"memory","patterns":["/cache/*","/_TMP/*"]},
		{"name":"history","dir":"./h","durability":"async","patterns":["/history/*"]}]`
	indexes := `[{"paths":["/users/*"],"fields":{"region":1,"age":-1,"b":1,"a":1},"unique":true}]`
	for name, s := range map[string]config.Sources{
		"YAML":        {File: write(t, "h.yaml", twoStores)},
		"JSON":        {File: write(t, "h.json", `{"data":{"stores":`+stores+`,"indexes":`+indexes+`}}`)},
		"environment": {Env: []string{"HAPPN_DATA_STORES=" + stores, "HAPPN_DATA_INDEXES=" + indexes}},
		"flags":       {Flags: map[string]string{"data.stores": stores, "data.indexes": indexes}},
		"a later source replaces the whole list": {File: write(t, "h.yaml", "data:\n  stores: [{name: x, provider: memory, patterns: [/x]}]\n"),
			Flags: map[string]string{"data.stores": stores, "data.indexes": indexes}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := config.Load(s)
			require.NoError(t, err)
			require.Equal(t, want, got)
			require.NoError(t, got.Validate())
		})
	}
	changed := want.Changed()
	require.Len(t, changed, 2)
	again, err := config.Load(config.Sources{Flags: map[string]string{
		"data.stores": changed[0].Value, "data.indexes": changed[1].Value}})
	require.NoError(t, err)
	require.Equal(t, want, again, "what is printed can be read")
}

func TestHowAMongoDBServerIsTalkedTo(t *testing.T) {
	want := config.Default()
	want.Data.Stores = []config.DataStore{{Name: "main", Provider: "mongodb", Default: true,
		URL: "mongodb://bob:s3cr3t@a:1,b:2/happn?tls=true", Connection: config.Connection{
			MaxPoolSize: 8, ConnectTimeout: config.Span(time.Second), ServerSelectionTimeout: config.Span(2 * time.Second),
			HeartbeatInterval: config.Span(500 * time.Millisecond), RequestTimeout: config.Span(3 * time.Second),
			StartTimeout: config.Span(time.Minute), QueueSize: 1 << 20, PublishExternal: true, PushDown: "server",
			Opts: map[string]string{"tls": "true", "tlsCertificateKeyFilePassword": "s3cr3t"}}}}
	got, err := config.Load(config.Sources{File: write(t, "h.yaml", `
data:
  stores:
    - name: main
      provider: mongodb
      default: true
      url: mongodb://bob:s3cr3t@a:1,b:2/happn?tls=true
      maxPoolSize: 8
      connectTimeout: 1s
      serverSelectionTimeout: 2s
      heartbeatInterval: 500ms
      requestTimeout: 3s
      startTimeout: 1m
      queueSize: 1MiB
      publishExternalChanges: true
      pushDown: server
      opts: {tls: true, tlsCertificateKeyFilePassword: s3cr3t}
`)})
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.NoError(t, got.Validate())

	printed := got.Changed()[0].Value
	require.NotContains(t, printed, "s3cr3t")
	again, err := config.Load(config.Sources{Flags: map[string]string{"data.stores": printed}})
	require.NoError(t, err)
	want.Data.Stores[0].URL = "mongodb://bob:***@a:1,b:2/happn?tls=true"
	want.Data.Stores[0].Opts["tlsCertificateKeyFilePassword"] = "***"
	require.Equal(t, want, again, "what is printed can be read")
}

func TestMistakesInSectionsAreNamedWithTheirPlace(t *testing.T) {
	const store = "data:\n  stores:\n    - name: x\n      provider: memory\n      patterns: [/x/*]\n"
	cases := map[string]struct {
		content string
		flags   map[string]string
		want    []string
	}{
		"unknown key": {content: store + "      pattern: [/y/*]\n",
			want: []string{"file h.yaml line 6: data.stores[0].pattern: is not a known key; did you mean patterns?"}},
		"no list": {content: "data:\n  stores: {name: x}\n",
			want: []string{"file h.yaml line 2: data.stores: found a section, expected a list of sections (in the environment and in flags: JSON text)"}},
		"nothing": {content: "data:\n  stores:\n",
			want: []string{"file h.yaml line 2: data.stores: found nothing, expected a list of sections (in the environment and in flags: JSON text)"}},
		"no section": {content: "data:\n  stores:\n    - cache\n",
			want: []string{`file h.yaml line 3: data.stores[0]: found "cache", expected a section with keys such as name`}},
		"several forms": {content: "data:\n  stores:\n    - name: [x]\n      patterns: /x/*\n      default: maybe\n",
			want: []string{
				"file h.yaml line 3: data.stores[0].name: found a list, expected a text",
				`file h.yaml line 4: data.stores[0].patterns: found "/x/*", expected a list of texts`,
				`file h.yaml line 5: data.stores[0].default: found "maybe", expected true or false`,
			}},
		"a key twice": {content: store + "      name: y\n",
			want: []string{"file h.yaml line 6: data.stores[0].name: stands here twice, expected once"}},
		"no name": {content: "data:\n  stores:\n    - provider: memory\n      patterns: [/x/*]\n",
			want: []string{"file h.yaml line 2: data.stores[0].name: found nothing, expected a name of letters, digits, - and _, at most 64"}},
		"the name of the default store": {content: "data:\n  stores:\n    - {name: default, provider: memory, patterns: [/x/*]}\n",
			want: []string{`file h.yaml line 2: data.stores[0].name: found "default", which is the name of data.dir; give each store its own`}},
		"the same name": {content: store + "    - {name: x, provider: memory, patterns: [/y/*]}\n",
			want: []string{`file h.yaml line 2: data.stores[1].name: found "x", which is the name of data.stores[0]; give each store its own`}},
		"the same folder": {content: "data:\n  stores:\n    - {name: x, dir: happn-data/, patterns: [/x/*]}\n    - {name: y, dir: ./y, patterns: [/y/*]}\n    - {name: z, dir: y, patterns: [/z/*]}\n",
			want: []string{
				`file h.yaml line 2: data.stores[0].dir: found "happn-data/", which is the folder of data.dir; give each store its own`,
				`file h.yaml line 2: data.stores[2].dir: found "y", which is the folder of data.stores[1]; give each store its own`,
			}},
		"no folder": {content: "data:\n  stores:\n    - {name: x, patterns: [/x/*]}\n",
			want: []string{"file h.yaml line 2: data.stores[0].dir: found nothing, expected the path of a folder, or provider memory"}},
		"a memory store with a folder": {content: "data:\n  stores:\n    - {name: x, provider: memory, dir: y, durability: sync, patterns: [/x/*]}\n",
			want: []string{
				`file h.yaml line 2: data.stores[0].dir: found "y", but a store with provider memory has no folder; leave it out, or use provider embedded`,
				`file h.yaml line 2: data.stores[0].durability: found "sync", but a store with provider memory keeps nothing; leave it out, or use provider embedded`,
			}},
		"unknown choices": {content: "data:\n  stores:\n    - {name: x, provider: mongo, patterns: [/x/*]}\n    - {name: y, dir: y, durability: none, patterns: [/y/*]}\n",
			want: []string{
				`file h.yaml line 2: data.stores[0].provider: found "mongo", expected embedded, memory or mongodb`,
				`file h.yaml line 2: data.stores[1].durability: found "none", expected sync or async, or provider memory`,
			}},
		"no patterns": {content: "data:\n  stores:\n    - {name: x, provider: memory}\n",
			want: []string{"file h.yaml line 2: data.stores[0].patterns: found nothing, expected the patterns of the paths that belong to the store, such as [/history/*]"}},
		"the same pattern": {content: store + "    - {name: y, provider: memory, patterns: ['', /x/**]}\n",
			want: []string{
				"file h.yaml line 2: data.stores[1].patterns: an empty pattern covers nothing; leave it out, or use * for every path",
				`file h.yaml line 2: data.stores[1].patterns: the pattern "/x/**" stands here and in data.stores[0], expected once`,
			}},
		"two default stores": {content: "data:\n  stores:\n    - {name: x, provider: memory, default: true}\n    - {name: y, provider: memory, default: true}\n",
			want: []string{"file h.yaml line 2: data.stores[1].default: data.stores[0] is the default store already, expected one"}},
		"a MongoDB server talked to strangely": {content: "data:\n  stores:\n    - name: m\n      provider: mongodb\n      default: true\n" +
			"      maxPoolSize: 0\n      connectTimeout: 5\n      heartbeatInterval: 10ms\n      queueSize: 1\n      opts: tls\n",
			want: []string{
				`file h.yaml line 6: data.stores[0].maxPoolSize: found "0", expected a whole number from 1 to 10000`,
				`file h.yaml line 7: data.stores[0].connectTimeout: found "5", expected a duration with a unit (250ms, 30s, 2m, 1h30m) from 100ms to 10m`,
				`file h.yaml line 8: data.stores[0].heartbeatInterval: found "10ms", expected a duration with a unit (250ms, 30s, 2m, 1h30m) from 500ms to 10m`,
				`file h.yaml line 9: data.stores[0].queueSize: found "1", expected a size in bytes or with a unit (1048576, 64KiB, 10MiB, 1GiB) from 1KiB to 16GiB`,
				`file h.yaml line 10: data.stores[0].opts: found "tls", expected a section of texts, such as {tls: true}`,
			}},
		"the embedded store talks to nobody": {content: "data:\n  stores:\n    - {name: x, dir: ./x, patterns: [/x/*], maxPoolSize: 3, requestTimeout: 1s}\n",
			want: []string{"file h.yaml line 2: data.stores[0].maxPoolSize: found a value, but only a store with provider mongodb has such a key; leave it out"}},
		"an index without anything": {flags: map[string]string{"data.indexes": "[{}]"},
			want: []string{
				"flag --data.indexes: data.indexes[0].paths: found nothing, expected patterns of paths, such as [/users/*]",
				"flag --data.indexes: data.indexes[0].fields: found nothing, expected fields with 1 or -1, such as {region: 1, age: -1}",
			}},
		"fields without direction": {content: "data:\n  indexes:\n    - paths: [/u/*]\n      fields: [region]\n    - paths: [/u/*]\n      fields: {region: up, age: 2}\n",
			want: []string{
				"file h.yaml line 4: data.indexes[0].fields: found a list, expected fields with 1 or -1, such as {region: 1, age: -1}",
				`file h.yaml line 6: data.indexes[1].fields.region: found "up", expected 1 (ascending) or -1 (descending)`,
				`file h.yaml line 6: data.indexes[1].fields.age: found "2", expected 1 (ascending) or -1 (descending)`,
			}},
		"fields that are none": {content: "data:\n  indexes:\n    - paths: [/u/*]\n      fields: {$where: 1, a: 1, a: -1}\n",
			want: []string{
				`file h.yaml line 2: data.indexes[0].fields: the name "$where" is not that of a field`,
				`file h.yaml line 2: data.indexes[0].fields: the field "a" stands here twice, expected once`,
			}},
		"not JSON": {flags: map[string]string{"data.stores": "cache"},
			want: []string{`flag --data.stores: found "cache": the text is not JSON: line 1: invalid character 'c' looking for beginning of value`}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			sources := config.Sources{Flags: tc.flags}
			if tc.content != "" {
				sources.File = write(t, "h.yaml", tc.content)
			}
			_, err := config.Load(sources)
			require.Equal(t, tc.want, problems(t, err, sources.File))
		})
	}
}

func TestTheDefaultStoreNeedsAFolderUnlessItKeepsNothing(t *testing.T) {
	c := config.Default()
	c.Data.Dir = ""
	require.Error(t, c.Validate())
	c.Data.Durability = "none"
	require.NoError(t, c.Validate())
	require.Equal(t, []config.DataStore{{Name: "default", Provider: "memory", Default: true}}, c.Data.AllStores())

	c.Data.Durability = "sync"
	c.Data.Stores = []config.DataStore{
		{Name: "history", Dir: "h", Patterns: []string{"/h/*"}},
		{Name: "all", Dir: "a", Default: true},
	}
	require.NoError(t, c.Validate(), "another store is the default one")
	require.Equal(t, []config.DataStore{
		{Name: "all", Provider: "embedded", Dir: "a", Durability: "sync", Default: true},
		{Name: "history", Provider: "embedded", Dir: "h", Durability: "sync", Patterns: []string{"/h/*"}},
	}, c.Data.AllStores())
}
