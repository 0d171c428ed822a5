package rawjson

// NextMember is Members for callers that must not pay for a closure: it
// returns the member at or after offset i of an object, and the offset to
// continue from, which is negative after the last one. Begin with i = 1. The
// name is what stands between its quotes, with its escapes; both results alias
// obj.
func NextMember(obj []byte, i int) (name, value []byte, next int) {
	i = Space(obj, i)
	if i < len(obj) && obj[i] == ',' {
		i = Space(obj, i+1)
	}
	if i >= len(obj) || obj[i] != '"' {
		return nil, nil, -1
	}
	end := stringEnd(obj, i)
	if end-1 <= i {
		return nil, nil, -1
	}
	name = obj[i+1 : end-1]
	if i = Space(obj, end); i >= len(obj) {
		return nil, nil, -1
	}
	i = Space(obj, i+1) // the colon
	end = End(obj, i)
	if i >= end {
		return nil, nil, -1
	}
	return name, obj[i:end:end], end
}

// NextElement is NextMember for the elements of an array.
func NextElement(arr []byte, i int) (value []byte, next int) {
	i = Space(arr, i)
	if i < len(arr) && arr[i] == ',' {
		i = Space(arr, i+1)
	}
	if i >= len(arr) || arr[i] == ']' {
		return nil, -1
	}
	end := End(arr, i)
	if i >= end {
		return nil, -1
	}
	return arr[i:end:end], end
}
