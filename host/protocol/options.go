package protocol

import (
	"strconv"

	"github.com/happn-host/happn-host/internal/rawjson"
)

// Options are the options of set, remove, on and off that the host understands
// (happn-wire.md, sections 4.7 to 4.12). The slices alias the request.
type Options struct {
	NoStore        bool
	NoPublish      bool
	NoDataResponse bool
	NullValue      bool
	Merge          bool
	PublishResults bool
	NoCluster      bool
	InitialEmit    bool
	InitialValues  bool // initialCallback
	Sibling        bool // set_type is "sibling"
	Archive        bool // archiveId names an archive
	Bulk           bool // data are many documents

	Consistency int      // 2 if it was not given; -1 if it was no number
	Depth       int      // 0 if it was not given
	UpsertType  int      // 0 if it was not given
	Meta        []byte   // raw JSON object, nil if there was none
	Tag         []byte   // decoded, nil if it was absent or falsy
	Criteria    []byte   // raw JSON, nil if it was absent or null
	Targets     []string // session ids of targetClients
	HasTargets  bool     // targetClients was given, perhaps empty
	Increment   []byte   // raw JSON, nil if there was none
	Reference   []byte   // decoded referenceId, nil if it was absent or falsy
	RefCount    []byte   // raw JSON, nil if it was absent or falsy
	Listener    []byte   // raw JSON of listenerId, nil if it was absent or null
}

// Consistencies of a publication (happn-wire.md, 5.4).
const (
	Queued        = 0
	Deferred      = 1
	Transactional = 2
	Acknowledged  = 3
)

// ParseOptions fills o from the raw options of a request, nil if it had none.
// Options that are not of the type they should be count as not given.
func ParseOptions(raw []byte, o *Options) {
	*o = Options{Consistency: Transactional}
	if raw == nil {
		return
	}
	for name, value := range rawjson.Members(raw) {
		switch string(name) {
		case "noStore":
			o.NoStore = Truthy(value)
		case "noPublish":
			o.NoPublish = Truthy(value)
		case "noDataResponse":
			o.NoDataResponse = Truthy(value)
		case "nullValue":
			o.NullValue = Truthy(value)
		case "merge":
			o.Merge = Truthy(value)
		case "publishResults":
			o.PublishResults = Truthy(value)
		case "noCluster":
			o.NoCluster = Truthy(value)
		case "initialEmit":
			o.InitialEmit = Truthy(value)
		case "initialCallback":
			o.InitialValues = Truthy(value)
		case "consistency":
			if !rawjson.IsNull(value) {
				o.Consistency = integer(value, -1)
			}
		case "depth":
			o.Depth = integer(value, 0)
		case "upsertType":
			o.UpsertType = integer(value, 0)
		case "archiveId":
			o.Archive = Truthy(value)
		case "bulk":
			o.Bulk = Truthy(value)
		case "set_type":
			o.Sibling = string(value) == `"sibling"`
		case "tag":
			o.Tag = text(value)
		case "criteria":
			if o.Criteria = nil; !rawjson.IsNull(value) {
				o.Criteria = value
			}
		case "meta":
			if o.Meta = nil; rawjson.IsObject(value) {
				o.Meta = value
			}
		case "targetClients":
			o.targets(value)
		case "increment":
			if o.Increment = nil; !rawjson.IsNull(value) {
				o.Increment = value
			}
		case "referenceId":
			o.Reference = text(value)
		case "listenerId":
			if o.Listener = nil; !rawjson.IsNull(value) {
				o.Listener = value
			}
		case "refCount":
			if o.RefCount = nil; Truthy(value) {
				o.RefCount = value
			}
		}
	}
}

// text returns a string decoded, any other value as it stands, and nil for what
// JavaScript takes for false.
func text(raw []byte) []byte {
	if !Truthy(raw) {
		return nil
	}
	if decoded := rawjson.Unquote(raw); decoded != nil {
		return decoded
	}
	return raw
}

func (o *Options) targets(value []byte) {
	o.Targets, o.HasTargets = nil, rawjson.IsArray(value)
	for id := range rawjson.Elements(value) {
		o.Targets = append(o.Targets, string(rawjson.Unquote(id)))
	}
}

// integer reads a number, also one in a string, as JavaScript would.
func integer(raw []byte, otherwise int) int {
	if rawjson.IsString(raw) {
		raw = rawjson.Unquote(raw)
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || f != float64(int(f)) {
		return otherwise
	}
	return int(f)
}
