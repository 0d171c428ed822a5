package match

import (
	"regexp"
	"strconv"

	"github.com/happn-host/happn-host/datastore/expr"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// jsonSchema compiles $jsonSchema. It is about the data of a document, or in a
// pipeline about the document there.
func (c *compiler) jsonSchema(val []byte, at *expr.Place, s scope) (node, error) {
	if !s.top {
		return node{}, at.Up().Errorf("$jsonSchema belongs at the top, not inside $elemMatch, but stands")
	}
	*c.native = false // a server would take it to be about the stored document
	compiled, err := c.schema(val, at, s.depth)
	if err != nil {
		return node{}, err
	}
	c.keep("$jsonSchema", val)
	return node{op: described, test: compiled}, nil
}

func (c *compiler) schema(raw []byte, at *expr.Place, depth int) (*schema, error) {
	if depth++; depth > MaxDepth {
		return nil, at.Errorf("schemas nest deeper than %d levels", MaxDepth)
	}
	if !rawjson.IsObject(raw) {
		return nil, at.Errorf("a schema must be an object")
	}
	s := &schema{limits: limits{minLength: -1, maxLength: -1, minItems: -1, maxItems: -1, minProperties: -1, maxProperties: -1}}
	k := keyword{compiler: c, schema: s, around: raw, depth: depth}
	for name, val := range rawjson.Members(raw) {
		k.name, k.val, k.at = string(name), val, at.Key(string(name))
		if err := k.compile(); err != nil {
			return nil, err
		}
	}
	if s.tuple != nil {
		s.items = nil
	} else { // additionalItems are those behind a list of items
		s.more, s.fixed = nil, false
	}
	return s, nil
}

// keyword is one member of a schema.
type keyword struct {
	*compiler
	schema *schema
	around []byte
	name   string
	val    []byte
	at     *expr.Place
	depth  int
}

func (k *keyword) sub(raw []byte, at *expr.Place) (*schema, error) {
	return k.compiler.schema(raw, at, k.depth)
}

func (k *keyword) compile() (err error) {
	s := k.schema
	switch k.name {
	case "title", "description":
	case "bsonType", "type":
		err = k.types()
	case "enum":
		for elem := range rawjson.Elements(k.val) {
			if s.enum == nil {
				s.enum = map[string]struct{}{}
			}
			s.enum[string(appendUnordered(nil, elem))] = struct{}{}
		}
		if s.enum == nil {
			err = k.at.Errorf("enum needs an array of at least one value")
		}
	case "not":
		s.not, err = k.sub(k.val, k.at)
	case "allOf":
		s.all, err = k.list()
	case "anyOf":
		s.any, err = k.list()
	case "oneOf":
		s.one, err = k.list()
	case "required":
		s.required, err = k.names(k.val)
	case "pattern":
		s.pattern, err = k.regexp(string(rawjson.Unquote(k.val)), rawjson.IsString(k.val))
	case "uniqueItems":
		s.unique = truthy(k.val)
	case "properties", "patternProperties", "dependencies":
		err = k.members()
	case "additionalProperties":
		s.additional, s.closed, err = k.rest()
	case "additionalItems":
		s.more, s.fixed, err = k.rest()
	case "items":
		if rawjson.IsArray(k.val) {
			s.tuple, err = k.list()
		} else {
			s.items, err = k.sub(k.val, k.at)
		}
	default:
		err = k.limit()
	}
	return err
}

func (k *keyword) types() error {
	list := [][]byte{k.val}
	if rawjson.IsArray(k.val) {
		list = nil
		for elem := range rawjson.Elements(k.val) {
			list = append(list, elem)
		}
	}
	k.schema.typed = true
	for _, elem := range list {
		name := string(rawjson.Unquote(elem))
		set, ok := namedType(valueOf(elem))
		if name == "integer" && k.name == "type" {
			set, ok = isInt|isLong, true
		}
		if !ok || !rawjson.IsString(elem) {
			return k.at.Errorf("%s does not know the type %s", k.name, shortened(elem))
		}
		k.schema.types |= set
	}
	if len(list) == 0 {
		return k.at.Errorf("%s needs at least one type", k.name)
	}
	return nil
}

// list compiles an array of schemas.
func (k *keyword) list() (out []*schema, err error) {
	for elem := range rawjson.Elements(k.val) {
		s, err := k.sub(elem, k.at.At(len(out)))
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	if out == nil {
		return nil, k.at.Errorf("%s needs an array of at least one schema", k.name)
	}
	return out, nil
}

// names numbers the names in an array.
func (k *keyword) names(raw []byte) (out []int, err error) {
	for elem := range rawjson.Elements(raw) {
		if !rawjson.IsString(elem) {
			return nil, k.at.Errorf("%s needs an array of names", k.name)
		}
		out = append(out, k.schema.named(rawjson.Unquote(elem)))
	}
	if out == nil {
		return nil, k.at.Errorf("%s needs an array of at least one name", k.name)
	}
	return out, nil
}

// named returns the number of a name, which gets one if it has none.
func (s *schema) named(name []byte) int {
	n, ok := s.names[string(name)]
	if !ok {
		if s.names == nil {
			s.names = map[string]int{}
		}
		n = len(s.names)
		s.names[string(name)] = n
	}
	return n
}

func (k *keyword) regexp(pattern string, ok bool) (*regexp.Regexp, error) {
	if !ok {
		return nil, k.at.Errorf("%s needs a string", k.name)
	}
	re, err := expr.CompileRegex(pattern, "", k.at)
	if err != nil {
		return nil, err
	}
	if k.compiler.regex += re.Steps; k.compiler.regex > expr.MaxRegexSteps {
		return nil, k.at.Errorf("the regular expressions are too large when their repetitions are written out")
	}
	return re.Regexp, nil
}

// members compiles the keywords that are objects of schemas.
func (k *keyword) members() error {
	if !rawjson.IsObject(k.val) {
		return k.at.Errorf("%s needs an object", k.name)
	}
	s := k.schema
	for key, val := range rawjson.Members(k.val) {
		name, at := string(key), k.at.Key(string(key))
		var d dependency
		var err error
		if k.name == "dependencies" && rawjson.IsArray(val) {
			d.required, err = k.names(val)
		} else {
			d.then, err = k.sub(val, at)
		}
		if err != nil {
			return err
		}
		switch k.name {
		case "properties":
			if s.properties == nil {
				s.properties = map[string]*schema{}
			}
			s.properties[name] = d.then
		case "patternProperties":
			re, err := k.regexp(name, true)
			if err != nil {
				return err
			}
			s.patterns = append(s.patterns, patternSchema{re, d.then})
		default:
			if s.dependencies == nil {
				s.dependencies = map[int]dependency{}
			}
			s.dependencies[s.named(key)] = d
		}
	}
	return nil
}

// rest compiles additionalProperties and additionalItems.
func (k *keyword) rest() (s *schema, none bool, err error) {
	if v := valueOf(k.val); v.kind == boolean {
		return nil, v.n == 0, nil
	}
	s, err = k.sub(k.val, k.at)
	return s, false, err
}

func (k *keyword) limit() error {
	l := &k.schema.limits
	v := valueOf(k.val).settled()
	switch k.name {
	case "minimum":
		l.minimum = v
	case "maximum":
		l.maximum = v
	case "multipleOf":
		l.multipleOf = v
		if v.kind == number && compareNumbers(v, intValue(0)) <= 0 {
			return k.at.Errorf("multipleOf needs a positive number")
		}
	case "exclusiveMinimum", "exclusiveMaximum":
		return k.exclusive(v)
	default:
		return k.size(l)
	}
	if v.kind != number {
		return k.at.Errorf("%s needs a number", k.name)
	}
	return nil
}

// exclusive takes a flag beside minimum or maximum, as in draft 4.
func (k *keyword) exclusive(v value) error {
	beside := map[string]string{"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}[k.name]
	if _, ok := rawjson.Lookup(k.around, beside); !ok || v.kind != boolean {
		return k.at.Errorf("%s needs true or false, and %s beside it", k.name, beside)
	}
	if k.name == "exclusiveMinimum" {
		k.schema.limits.exclusiveMinimum = v.n == 1
	} else {
		k.schema.limits.exclusiveMax = v.n == 1
	}
	return nil
}

func (k *keyword) size(l *limits) error {
	to := map[string]*int{"minLength": &l.minLength, "maxLength": &l.maxLength, "minItems": &l.minItems,
		"maxItems": &l.maxItems, "minProperties": &l.minProperties, "maxProperties": &l.maxProperties}[k.name]
	if to == nil {
		return k.at.Up().Errorf("$jsonSchema does not know the keyword %q", k.name)
	}
	n, ok := integer(k.val)
	if !ok || n < 0 {
		return k.at.Errorf("%s needs a whole number from 0", k.name)
	}
	*to = n
	return nil
}

// floatOf reads a number for division.
func floatOf(v value) float64 {
	f, _ := strconv.ParseFloat(string(v.decimal(nil)), 64)
	return f
}
