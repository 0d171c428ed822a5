package match_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore/match"
)

func TestJSONSchemaIsAboutTheData(t *testing.T) {
	const data = `{"name":"Jo\u00e9","age":30,"tags":["a","b",{"x":1}],"o":{"a1":1,"a2":"x"},"price":2.5,"big":12345678901}`
	for schema, want := range map[string]bool{
		`{}`: true, `{"required":["name","age"]}`: true, `{"required":["nobody"]}`: false, `{"bsonType":"object"}`: true, `{"type":"array"}`: false,
		`{"properties":{"age":{"bsonType":"int"},"price":{"bsonType":["int","double"]},"big":{"bsonType":"long"}}}`: true,
		`{"properties":{"age":{"type":"string"}}}`: false, `{"properties":{"missing":{"type":"string"}}}`: true, `{"properties":{"age":{"type":"integer"},"price":{"type":"number"}}}`: true,
		`{"properties":{"age":{"minimum":30,"maximum":30}}}`: true, `{"properties":{"age":{"minimum":30,"exclusiveMinimum":true}}}`: false, `{"properties":{"age":{"maximum":30,"exclusiveMaximum":true}}}`: false,
		`{"properties":{"age":{"multipleOf":7}}}`: false, `{"properties":{"price":{"multipleOf":0.5}}}`: true, `{"properties":{"name":{"minLength":3,"maxLength":3,"pattern":"^J"}}}`: true, `{"properties":{"name":{"maxLength":2}}}`: false,
		`{"properties":{"name":{"pattern":"x"}}}`: false, `{"properties":{"name":{"enum":["x","Jo\u00e9"]}}}`: true, `{"properties":{"name":{"enum":["x"]}}}`: false,
		`{"properties":{"tags":{"minItems":3,"maxItems":3,"uniqueItems":true}}}`: true, `{"properties":{"tags":{"maxItems":2}}}`: false, `{"properties":{"tags":{"items":{"type":"string"}}}}`: false,
		`{"properties":{"tags":{"items":[{"type":"string"},{"type":"string"}],"additionalItems":{"type":"object"}}}}`: true, `{"properties":{"tags":{"items":[{"type":"string"}],"additionalItems":false}}}`: false,
		`{"properties":{"o":{"patternProperties":{"^a\\d":{}},"additionalProperties":false}}}`: true, `{"properties":{"o":{"patternProperties":{"^a1":{}},"additionalProperties":false}}}`: false,
		`{"properties":{"o":{"additionalProperties":{"type":"number"}}}}`: false, `{"minProperties":6,"maxProperties":6}`: true, `{"maxProperties":5}`: false,
		`{"allOf":[{"required":["name"]},{"required":["x"]}]}`: false, `{"anyOf":[{"required":["name"]},{"required":["x"]}]}`: true, `{"oneOf":[{"required":["name"]},{"required":["age"]}]}`: false, `{"not":{"required":["x"]}}`: true,
		`{"dependencies":{"name":["age"]}}`: true, `{"dependencies":{"name":["x"]}}`: false, `{"dependencies":{"x":["y"]}}`: true, `{"dependencies":{"name":{"properties":{"age":{"minimum":31}}}}}`: false,
	} {
		f, err := match.CompileFilter([]byte(`{"$jsonSchema":` + schema + `}`))
		require.NoError(t, err, schema)
		require.Equal(t, want, f.Match(document(data)), schema)
		require.False(t, f.Native())
	}
	for schema, want := range map[string]string{
		`{"bogus":1}`:            `$jsonSchema does not know the keyword "bogus" at criteria.$jsonSchema`,
		`[]`:                     "a schema must be an object at criteria.$jsonSchema",
		`{"exclusiveMinimum":3}`: "exclusiveMinimum needs true or false, and minimum beside it at criteria.$jsonSchema.exclusiveMinimum",
		`{"properties":{"a":{"bsonType":"bogus"}}}`: `bsonType does not know the type "bogus" at criteria.$jsonSchema.properties.a.bsonType`,
	} {
		_, err := match.CompileFilter([]byte(`{"$jsonSchema":` + schema + `}`))
		require.EqualError(t, err, want)
	}
}

func TestExpressionsInCriteria(t *testing.T) {
	for criteria, want := range map[string]bool{
		`{"$expr":{"$gt":["$data.spent","$data.budget"]}}`:                                   true,
		`{"$expr":{"$lt":["$data.spent","$data.budget"]}}`:                                   false,
		`{"$expr":{"$eq":["$path","/p"]},"spent":7}`:                                         true,
		`{"$or":[{"x":1},{"$expr":{"$in":["b","$data.l"]}}]}`:                                true,
		`{"$nor":[{"$expr":"$data.spent"}]}`:                                                 false,
		`{"$expr":{"$add":["$data.l",1]}}`:                                                   false,
		`{"$expr":{"$eq":[{"$year":{"$dateFromString":{"dateString":"2024-01-01"}}},2024]}}`: true,
	} {
		f, err := match.CompileFilter([]byte(criteria))
		require.NoError(t, err, criteria)
		doc := document(`{"spent":7,"budget":5,"l":["a","b"]}`)
		doc.Path = "/p"
		require.Equal(t, want, f.Match(doc), criteria)
	}
	_, err := match.CompileFilter([]byte(`{"a":{"$elemMatch":{"$and":[{"$expr":1}]}}}`))
	require.Error(t, err)
}
