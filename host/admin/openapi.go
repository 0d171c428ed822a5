package admin

import (
	"net/http"
	"regexp"
	"strings"
)

var placeholder = regexp.MustCompile(`\{([a-z]+)\}`)

// Description returns the OpenAPI description of the routes.
func (a *API) Description() map[string]any {
	paths := map[string]any{}
	for _, r := range a.routes {
		at := Prefix + r.Path
		operations, _ := paths[at].(map[string]any)
		if operations == nil {
			operations = map[string]any{}
			paths[at] = operations
		}
		operations[strings.ToLower(r.Method)] = r.describe()
	}
	return map[string]any{
		"openapi": "3.1.0",
		"info": map[string]any{"title": "happn-host management API", "version": "1",
			"description": "On a secure host each operation needs the permission for its method on /@HTTP and its path, such as get on /@HTTP/api/v1/users/*. " +
				"A slash in a name is written %2F.",
			"license": map[string]any{"name": "Apache-2.0", "identifier": "Apache-2.0"}},
		"paths":    paths,
		"security": []any{map[string]any{"token": []string{}}},
		"components": map[string]any{
			"securitySchemes": map[string]any{"token": map[string]any{"type": "http", "scheme": "bearer", "description": "a session token, as /auth/login gives it"}},
			"schemas":         map[string]any{"Error": object(map[string]any{"error": text("what was wrong, and what to do")}, "error")},
		},
	}
}

// describe returns the route as an operation.
func (r Route) describe() map[string]any {
	parameters := []any{}
	for _, m := range placeholder.FindAllStringSubmatch(r.Path, -1) {
		parameters = append(parameters, map[string]any{"name": m[1], "in": "path", "required": true, "schema": map[string]any{"type": "string"}})
	}
	for _, p := range r.Query {
		parameters = append(parameters, map[string]any{"name": p.Name, "in": "query", "required": p.Needed, "description": p.Meaning, "schema": map[string]any{"type": "string"}})
	}
	failure := map[string]any{"description": "why it was not done", "content": map[string]any{
		"application/json": map[string]any{"schema": map[string]any{"$ref": "#/components/schemas/Error"}}}}
	operation := map[string]any{
		"summary":     r.Summary,
		"operationId": r.id(),
		"responses": map[string]any{
			"200": map[string]any{"description": r.Answers},
			"401": map[string]any{"description": "there is no token, or it is not good any more"},
			"403": map[string]any{"description": "the token's user may not do this"}, "default": failure,
		},
	}
	if len(parameters) > 0 {
		operation["parameters"] = parameters
	}
	if r.Body != nil {
		operation["requestBody"] = map[string]any{"required": true, "content": map[string]any{"application/json": map[string]any{"schema": r.Body}}}
	}
	return operation
}

// id names the operation for programs that are generated from the description.
func (r Route) id() string {
	verb := map[string]string{http.MethodGet: "get", http.MethodPut: "put", http.MethodPost: "post", http.MethodDelete: "delete"}[r.Method]
	var b strings.Builder
	b.WriteString(verb)
	for part := range strings.FieldsFuncSeq(r.Path, func(c rune) bool { return strings.ContainsRune("/{}-.", c) }) {
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return b.String()
}
