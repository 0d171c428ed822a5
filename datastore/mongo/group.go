package mongo

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/mongo/codec"
	"github.com/happn-host/happn-host/internal/rawjson"
)

var _ datastore.Aggregator = (*Store)(nil)

// Names of what the server is asked of a group beside its values.
const (
	groupKey   = "_id"
	groupSize  = "n"
	groupFirst = "first" // path
)

// mostGroups and mostGroupBytes bound what is kept until it is known that the
// groups are right; with more the caller makes them, within bounds of its own.
const (
	mostGroups     = 100_000
	mostGroupBytes = 32 << 20
)

// Group implements datastore.Aggregator: it does what comes to the same on the
// server, to the last digit.
func (s *Store) Group(ctx context.Context, q *datastore.Query, g *datastore.Grouping) (groups []datastore.Group, done bool, err error) {
	stage, ok := groupStage(g)
	if !ok || q.Order != nil || q.Limit < 0 {
		return nil, false, nil
	}
	if err := s.settle(ctx, q.Pattern); err != nil {
		return nil, false, err
	}
	p := plan(q)
	what := groupOperators(g)
	if !p.whole || s.refusals.has(what) {
		return nil, false, nil
	}
	pipeline := append(windowed(p), bson.D{{Key: "$group", Value: stage}})
	made, err := s.groups(ctx, pipeline, g)
	if err != nil {
		return nil, false, s.refused(what, err)
	}
	if made.counted && made.wrong {
		s.leaveToHost(what, "it shows the documents of a group to one accumulator only")
	}
	return made.inOrder(), !made.wrong, nil
}

// windowed is the first stages of a pipeline: what of the documents it is run on.
func windowed(p *search) []bson.D {
	stages := []bson.D{{{Key: "$match", Value: p.criteria}}}
	if p.Skip <= 0 && p.Limit <= 0 {
		return stages
	}
	stages = append(stages, bson.D{{Key: "$sort", Value: byPath()}})
	if p.Skip > 0 {
		stages = append(stages, bson.D{{Key: "$skip", Value: int64(p.Skip)}})
	}
	if p.Limit > 0 {
		stages = append(stages, bson.D{{Key: "$limit", Value: int64(p.Limit)}})
	}
	return stages
}

// groupOperators names what a server must have for a grouping.
func groupOperators(g *datastore.Grouping) string {
	names := []string{"$group"}
	for _, v := range g.Values {
		names = append(names, v.Operator)
	}
	if g.Ordered {
		names = append(names, "$min")
	}
	several := ""
	if len(names) > 2 {
		several = " with several accumulators"
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), " ") + several
}

// groupStage translates a grouping. With more than one accumulator the server
// counts, too: one that shows the documents to the first alone (FerretDB 1.24) is
// found out by that.
func groupStage(g *datastore.Grouping) (bson.D, bool) {
	key, ok := groupedBy(g.Key)
	if !ok {
		return nil, false
	}
	stage := bson.D{{Key: groupKey, Value: key}}
	for i, v := range g.Values {
		of, ok := accumulated(v)
		if !ok {
			return nil, false
		}
		stage = append(stage, bson.E{Key: valueName(i), Value: bson.D{{Key: v.Operator, Value: of}}})
	}
	if g.Ordered {
		stage = append(stage, bson.E{Key: groupFirst, Value: bson.D{{Key: "$min", Value: "$" + codec.Path}}})
	}
	if len(stage) > 2 {
		stage = append(stage, bson.E{Key: groupSize, Value: bson.D{{Key: "$sum", Value: 1}}})
	}
	return stage, true
}

func valueName(i int) string { return fmt.Sprintf("v%d", i) }

// groupedBy translates the key of groups: null, a field, or an object of those.
func groupedBy(raw []byte) (any, bool) {
	if rawjson.IsNull(raw) {
		return nil, true
	}
	if !rawjson.IsObject(raw) {
		return fieldOf(raw)
	}
	var key bson.D
	for name, value := range rawjson.Members(raw) {
		of, ok := groupedBy(value)
		if !ok || !codec.Plain(string(name)) || slices.ContainsFunc(key, func(e bson.E) bool { return e.Key == string(name) }) {
			return nil, false
		}
		key = append(key, bson.E{Key: string(name), Value: of})
	}
	return key, len(key) > 0
}

// accumulated translates what is accumulated: a field, or a number that each
// document counts.
func accumulated(v datastore.Accumulation) (any, bool) {
	if isNumber(v.Of) {
		value, ok := translator{}.scalar(v.Of)
		number, _ := value.(bson.RawValue)
		return value, ok && v.Operator == "$sum" && number.Type == bson.TypeInt32
	}
	return fieldOf(v.Of)
}

// fieldOf translates an expression that is a member of the data. What lies deeper
// may be in arrays, where not every server finds the same.
func fieldOf(raw []byte) (any, bool) {
	text := string(rawjson.Unquote(raw))
	name, ok := strings.CutPrefix(text, "$"+codec.Data+".")
	return text, ok && addressable(name) && !strings.Contains(name, ".") && name != dataOfOthers
}

// madeGroups are the groups that the server has made.
type madeGroups struct {
	groups  []datastore.Group
	firsts  []string
	bytes   int
	counted bool // the server was asked for their sizes, too
	wrong   bool // they may not be those that we would make
}

func (s *Store) groups(ctx context.Context, pipeline []bson.D, g *datastore.Grouping) (*madeGroups, error) {
	cursor, err := s.collection.Aggregate(ctx, pipeline)
	if err != nil {
		return nil, err
	}
	defer func() { _ = cursor.Close(context.WithoutCancel(ctx)) }() // what failed is in Err
	m := &madeGroups{}
	for !m.wrong && cursor.Next(ctx) {
		if err := m.add(cursor.Current, g); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return m, cursor.Err()
}

func (m *madeGroups) add(raw bson.Raw, g *datastore.Grouping) error {
	key, err := jsonOf(raw.Lookup(groupKey))
	if err != nil {
		return err
	}
	one := datastore.Group{Key: key}
	m.bytes += len(raw)
	if len(m.groups) == mostGroups || m.bytes > mostGroupBytes || !g.Ordered && rawjson.IsArray(key) {
		m.wrong = true // or too much; arrays do not sort by all that they hold
	}
	for i, v := range g.Values {
		value := raw.Lookup(valueName(i))
		m.wrong = m.wrong || !sure(v, value)
		text, err := jsonOf(value)
		if err != nil {
			return err
		}
		m.wrong = m.wrong || rawjson.IsNull(text) && value.Type != bson.TypeNull // a number that JSON does not have
		one.Values = append(one.Values, text)
	}
	if size, ok := raw.Lookup(groupSize).AsInt64OK(); ok && size == 0 {
		m.counted, m.wrong = true, true
	}
	first, _ := raw.Lookup(groupFirst).StringValueOK()
	m.groups, m.firsts = append(m.groups, one), append(m.firsts, first)
	return nil
}

// sure reports whether a value that the server has accumulated is surely the one
// that we would. A sum of whole numbers is a whole number, and exact.
func sure(v datastore.Accumulation, value bson.RawValue) bool {
	switch value.Type {
	case bson.TypeInt32, bson.TypeInt64:
		return true
	case bson.TypeString, bson.TypeDouble, bson.TypeDecimal128, bson.TypeBoolean, bson.TypeNull:
		return v.Operator != "$sum"
	}
	return false
}

// jsonOf is a value as JSON, null if there is none.
func jsonOf(value bson.RawValue) ([]byte, error) {
	if value.IsZero() {
		return []byte("null"), nil
	}
	return codec.AppendJSON(nil, byte(value.Type), value.Value)
}

// inOrder returns the groups by their first paths, if those are known.
func (m *madeGroups) inOrder() []datastore.Group {
	places := make([]int, len(m.groups))
	for i := range places {
		places[i] = i
	}
	slices.SortStableFunc(places, func(a, b int) int { return strings.Compare(m.firsts[a], m.firsts[b]) })
	ordered := make([]datastore.Group, len(places))
	for i, place := range places {
		ordered[i] = m.groups[place]
	}
	return ordered
}
