package match

import (
	"math"
	"strconv"

	"github.com/happn-host/happn-host/datastore/expr"
	"github.com/happn-host/happn-host/internal/collation"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// Options is what the options object of a get, count or remove says about the
// search, compiled.
type Options struct {
	Filter    *Filter // nil matches every document
	Order     *Order  // nil is the order of the store
	Fields    *Fields // nil selects everything
	Limit     int     // 0 is no limit, negative drops that many from the end
	Skip      int
	PathOnly  bool // items are their paths only
	Count     bool // the number of items is wanted, not the items
	Aggregate bool // an aggregation is asked for
	Collation bool // a collation is asked for; Filter and Order have it
	Archives  bool // the archives are wanted, not documents

	ArchiveID int // of the archive to search instead of the store; 0 is none

	// RawAggregate is the pipeline as it came, to be compiled by
	// aggregate.Compile with By; it aliases what was parsed.
	RawAggregate []byte
	// By compares texts as the collation says; nil is by bytes.
	By expr.Collation

	// Search and Operators are parts of the criteria that Filter says nothing of,
	// and that must hold too, see Foreign.
	Search    *Search
	Operators []Operator
}

// noOptions is the answer for the many requests that only carry a timeout.
// Nobody changes it.
var noOptions = &Options{}

// ParseOptions reads and compiles the options object of a request. raw may be
// empty, null or anything else that is not an object, which all mean no
// options. Some options count at the top level only, some inside the member
// "options" only, some in both. The result may be shared and must not be
// changed; it keeps nothing of raw but RawAggregate. Errors that the client caused are of type
// *Error. Without any option of a search it allocates nothing.
func ParseOptions(raw []byte) (*Options, error) { return ParseOptionsWith(raw, nil) }

// rawOptions is Options before anything is compiled; nil is absent or null.
type rawOptions struct {
	criteria, fields, sort, aggregate, collation []byte
	limit, skip, archive                         int
	pathOnly, count, archives                    bool
}

func (o *rawOptions) isEmpty() bool {
	return o.criteria == nil && o.fields == nil && o.sort == nil && o.aggregate == nil && o.collation == nil &&
		o.limit == 0 && o.skip == 0 && o.archive == 0 && !o.pathOnly && !o.count && !o.archives
}

func (o *rawOptions) compile(foreign Foreign) (*Options, error) {
	out := &Options{Limit: o.limit, Skip: o.skip, PathOnly: o.pathOnly, Count: o.count,
		Aggregate: o.aggregate != nil, Collation: o.collation != nil,
		ArchiveID: o.archive, Archives: o.archives && o.archive == 0}
	out.RawAggregate = o.aggregate
	var err error
	if o.collation != nil {
		by, err := collation.Compile(o.collation)
		if err != nil {
			return nil, &Error{Problem: err.Error(), Where: "options.collation"}
		}
		if by != nil {
			out.By = by
		}
	}
	if o.criteria != nil {
		c := compiler{foreign: foreign}
		if out.Filter, err = c.compile(o.criteria, out.By); err != nil {
			return nil, err
		}
		out.Search, out.Operators = c.searchOf, c.operatorsOf
		if out.Filter.All() {
			out.Filter = nil
		}
	}
	if o.sort != nil {
		if out.Order, err = compileOrder(o.sort, out.By); err != nil {
			return nil, err
		}
	}
	if o.fields != nil {
		if out.Fields, err = CompileFields(o.fields); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func readOptions(raw []byte) (o rawOptions, err error) {
	if !rawjson.IsObject(raw) {
		return o, nil
	}
	var inner []byte
	for i := 1; ; {
		var name, val []byte
		if name, val, i = rawjson.NextMember(raw, i); i < 0 {
			break
		}
		switch string(name) {
		case "criteria":
			o.criteria = present(val)
		case "options":
			inner = val
		default:
			o.shared(name, val)
		}
	}
	if rawjson.IsObject(inner) {
		err = o.inner(inner)
	}
	return o, err
}

// shared reads an option that counts at both levels.
func (o *rawOptions) shared(name, val []byte) {
	switch string(name) {
	case "fields":
		o.fields = present(val)
	case "sort":
		o.sort = present(val)
	case "aggregate":
		o.aggregate = present(val)
	case "collation":
		o.collation = present(val)
	case "path_only":
		o.pathOnly = truthy(val)
	}
}

// inner reads the member "options". What the top level says wins, but for fields.
func (o *rawOptions) inner(raw []byte) (err error) {
	top := *o
	for i := 1; ; {
		var name, val []byte
		if name, val, i = rawjson.NextMember(raw, i); i < 0 {
			break
		}
		switch string(name) {
		case "limit":
			o.limit, err = wholeNumber("options.options.limit", val)
		case "skip":
			o.skip, err = wholeNumber("options.options.skip", val)
		case "count":
			o.count = truthy(val)
		case "archiveId":
			if o.archive = 0; truthy(val) {
				o.archive, err = wholeNumber("options.options.archiveId", val)
			}
		case "queryArchiveCollection":
			o.archives = string(val) == "true"
		default:
			o.shared(name, val)
		}
		if err != nil {
			return err
		}
	}
	o.fields = either(o.fields, top.fields)
	o.sort = either(top.sort, o.sort)
	o.aggregate = either(top.aggregate, o.aggregate)
	o.collation = either(top.collation, o.collation)
	o.pathOnly = o.pathOnly || top.pathOnly
	return nil
}

func either(first, second []byte) []byte {
	if first != nil {
		return first
	}
	return second
}

func present(val []byte) []byte {
	if rawjson.IsNull(val) {
		return nil
	}
	return val
}

// wholeNumber reads a number, or a text that is one; fractions are dropped and
// numbers out of range become the nearest in range.
func wholeNumber(where string, raw []byte) (int, error) {
	v := valueOf(raw)
	if v.kind == null {
		return 0, nil
	}
	if v.kind == text {
		v = value{kind: number, raw: v.text()}
		if len(v.raw) == 0 {
			return 0, nil
		}
	}
	if n, _, ok := v.truncated(); ok {
		return int(max(math.MinInt32, min(math.MaxInt32, n))), nil
	}
	f, err := strconv.ParseFloat(string(v.raw), 64)
	switch {
	case v.kind != number || err != nil || f != f:
		return 0, &Error{Problem: "a whole number is expected, found " + shortened(raw), Where: where}
	case f < 0:
		return math.MinInt32, nil
	}
	return math.MaxInt32, nil
}
