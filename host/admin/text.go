package admin

import (
	"bytes"
	"io"
	"mime"
)

func newReader(b []byte) io.Reader { return bytes.NewReader(b) }

func isJSON(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && kind == "application/json"
}

// object is the JSON schema of an object with these members; those in needed must
// be there.
func object(members map[string]any, needed ...string) map[string]any {
	schema := map[string]any{"type": "object", "properties": members}
	if len(needed) > 0 {
		schema["required"] = needed
	}
	return schema
}

func text(meaning string) map[string]any {
	return map[string]any{"type": "string", "description": meaning}
}

func yesNo(meaning string) map[string]any {
	return map[string]any{"type": "boolean", "description": meaning}
}

func texts(meaning string) map[string]any {
	return map[string]any{"type": "array", "items": map[string]any{"type": "string"}, "description": meaning}
}

// permissionSchema is that of permissions by path.
func permissionSchema() map[string]any {
	return map[string]any{"type": "object", "description": "permissions by path; an entry with remove true takes these away",
		"additionalProperties": object(map[string]any{
			"actions": texts("what is allowed: get, set, on, remove, put, post, delete, head, options or *"), "prohibit": texts("what is not, whatever else is allowed")})}
}
