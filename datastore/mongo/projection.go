package mongo

import (
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/mongo/codec"
)

// maxShown is how many members of the data are asked for by name; with more, a
// document is as good as whole.
const maxShown = 64

// dataOfOthers is the member that data are wrapped in which are no object: happn
// makes none, others may.
const dataOfOthers = "value"

// projection returns what of the documents is sent: all but _id, or only those
// members of the data that somebody looks at.
func projection(p *search) bson.D {
	all := bson.D{{Key: "_id", Value: 0}}
	if p.Members == nil {
		return all
	}
	names, known := slices.Clone(p.Members), true
	if !p.whole {
		names, known = datastore.MembersOf(names, p.Filter)
	}
	if known && p.sort == nil {
		names, known = datastore.MembersOf(names, p.Order)
	}
	if !known || len(names) > maxShown || slices.Contains(names, dataOfOthers) {
		return all
	}
	shown := append(all, bson.E{Key: codec.Path, Value: 1})
	for _, name := range []string{codec.Created, codec.Modified, codec.ModifiedBy, codec.Tag} {
		shown = append(shown, bson.E{Key: name, Value: 1})
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		shown = append(shown, bson.E{Key: codec.Data + "." + codec.EscapeName(name), Value: 1})
	}
	return shown
}
