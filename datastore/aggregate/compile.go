package aggregate

import (
	"strings"

	"github.com/happn-host/happn-host/datastore/expr"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// compiler turns JSON into stages.
type compiler struct {
	by        expr.Collation
	count     int
	nesting   int
	variables []string // of the $lookup stages around
	lookups   *[]string
}

// stages compiles an array of stages.
func (c *compiler) stages(raw []byte, at *expr.Place) ([]stage, error) {
	if !rawjson.IsArray(raw) {
		return nil, at.Errorf("a pipeline must be an array of stages")
	}
	if c.nesting++; c.nesting > maxNesting {
		return nil, at.Errorf("pipelines nest deeper than %d levels", maxNesting)
	}
	defer func() { c.nesting-- }()
	var out []stage
	i := 0
	for elem := range rawjson.Elements(raw) {
		at := at.At(i)
		name, arg, next := rawjson.NextMember(elem, 1)
		if !rawjson.IsObject(elem) || next < 0 || len(name) == 0 || name[0] != '$' {
			return nil, at.Errorf("a stage must be an object with the name of the stage, such as {\"$match\": {...}}")
		}
		if _, _, more := rawjson.NextMember(elem, next); more >= 0 {
			return nil, at.Errorf("a stage must have one name only")
		}
		if c.count++; c.count > MaxStages {
			return nil, at.Errorf("more than %d stages", MaxStages)
		}
		s, err := c.stage(string(name), append([]byte(nil), arg...), at)
		if err != nil {
			return nil, err
		}
		out = append(out, s...)
		i++
	}
	limitSorts(out)
	return out, nil
}

// stage compiles one stage; some are made of others.
func (c *compiler) stage(name string, arg []byte, at *expr.Place) ([]stage, error) {
	up, at := at, at.Key(name)
	one := func(s stage, err error) ([]stage, error) {
		if err != nil {
			return nil, err
		}
		return []stage{s}, nil
	}
	switch name {
	case "$match":
		return one(c.match(arg, at))
	case "$project":
		return one(c.project(arg, at))
	case "$addFields", "$set":
		return one(c.addFields(arg, at))
	case "$unset":
		return one(c.unset(arg, at))
	case "$group":
		return one(c.group(arg, at))
	case "$sort":
		return one(c.sort(arg, at))
	case "$skip", "$limit":
		n, err := c.wholeNumber(name, arg, at)
		return one(window{limit: name == "$limit", n: n}, err)
	case "$sample":
		size, _ := rawjson.Lookup(arg, "size")
		n, err := c.wholeNumber("$sample with size", size, at)
		return one(sample{n}, err)
	case "$unwind":
		return one(c.unwind(arg, at))
	case "$count":
		return one(c.countStage(arg, at))
	case "$facet":
		return one(c.facet(arg, at))
	case "$bucket":
		return one(c.bucket(arg, at))
	case "$bucketAuto":
		return one(c.bucketAuto(arg, at))
	case "$sortByCount":
		return c.sortByCount(arg, at)
	case "$replaceRoot":
		root, ok := rawjson.Lookup(arg, "newRoot")
		if !ok {
			return nil, at.Errorf("$replaceRoot needs newRoot")
		}
		return one(c.replace(root, at.Key("newRoot")))
	case "$replaceWith":
		return one(c.replace(arg, at))
	case "$lookup":
		return one(c.lookup(arg, at))
	}
	return nil, up.Errorf("unknown stage %s", name)
}

func (c *compiler) expression(raw []byte, at *expr.Place) (*expr.Expression, error) {
	return expr.Compile(raw, at, c.variables...)
}

// wholeNumber reads the argument of $skip ($limit and the size of a $sample
// are from 1).
func (c *compiler) wholeNumber(name string, raw []byte, at *expr.Place) (int, error) {
	n, ok := expr.FromJSON(raw).Int()
	if !ok || n < 0 || (n == 0 && name != "$skip") || n > 1<<31-1 {
		return 0, at.Errorf("%s needs a positive whole number", name)
	}
	return int(n), nil
}

// fieldName checks a dotted name of a field that is to be made.
func fieldName(name string, at *expr.Place) ([]string, error) {
	names := strings.Split(name, ".")
	for _, n := range names {
		if n == "" || n[0] == '$' {
			return nil, at.Errorf("%q cannot name a field", name)
		}
	}
	if len(names) > expr.MaxDepth {
		return nil, at.Errorf("the name of a field has more than %d components", expr.MaxDepth)
	}
	return names, nil
}

// text reads a string.
func text(raw []byte) (string, bool) {
	if !rawjson.IsString(raw) {
		return "", false
	}
	return string(rawjson.Unquote(raw)), true
}

// known reports an error for members that a stage does not have.
func known(name string, raw []byte, at *expr.Place, members ...string) error {
	if !rawjson.IsObject(raw) {
		return at.Errorf("%s needs an object with %s", name, strings.Join(members, ", "))
	}
next:
	for key := range rawjson.Members(raw) {
		for _, m := range members {
			if m == string(key) {
				continue next
			}
		}
		return at.Errorf("%s does not know %q, only %s", name, key, strings.Join(members, ", "))
	}
	return nil
}
