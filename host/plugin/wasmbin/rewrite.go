package wasmbin

import "errors"

// RenameImports returns module with the names of the modules that it imports
// from replaced by what rename says.
func RenameImports(module []byte, rename func(module string) string) ([]byte, error) {
	return rewrite(module, func(id byte, body []byte) ([]byte, error) {
		if id != SectionImport {
			return body, nil
		}
		r := NewReader(body)
		n := r.Count()
		out := AppendU32(nil, uint32(n))
		for ; n > 0 && r.err == nil; n-- {
			out = appendBytes(out, rename(r.Name()))
			at := r.at
			r.importRest()
			out = append(out, r.Since(at)...)
		}
		return out, r.err
	})
}

// importRest reads over what follows the module's name in an import.
func (r *Reader) importRest() {
	r.Name()
	switch r.Byte() {
	case KindFunction:
		r.U32()
	case KindTable:
		r.Byte()
		r.Limits()
	case KindMemory:
		r.Limits()
	case KindGlobal:
		r.Bytes(2)
	}
}

// AppendNoOp returns module with one more function, which does nothing, takes
// nothing and returns nothing, exported by that name. The module must have
// functions and exports of its own.
func AppendNoOp(module []byte, export string) ([]byte, error) {
	m, err := Parse(module)
	if err != nil {
		return nil, err
	}
	index := uint32(len(m.Functions))
	for _, i := range m.Imports {
		if i.Kind == KindFunction {
			index++
		}
	}
	added := 0
	out, err := rewrite(module, func(id byte, body []byte) ([]byte, error) {
		var element []byte
		switch id {
		case SectionType:
			element = []byte{0x60, 0, 0}
		case SectionFunction:
			element = AppendU32(nil, uint32(len(m.Types)))
		case SectionExport:
			element = AppendU32(append(appendBytes(nil, export), KindFunction), index)
		case SectionCode:
			element = []byte{2, 0, 0x0b}
		default:
			return body, nil
		}
		added++
		r := NewReader(body)
		out := AppendU32(nil, r.U32()+1)
		return append(append(out, body[r.at:]...), element...), r.err
	})
	if err == nil && added != 4 {
		return nil, errors.New("module has no functions of its own")
	}
	return out, err
}

// rewrite returns module with the body of each section as change says.
func rewrite(module []byte, change func(id byte, body []byte) ([]byte, error)) ([]byte, error) {
	m, err := Parse(module)
	if err != nil {
		return nil, err
	}
	out := append(make([]byte, 0, len(module)+len(module)/64), module[:8]...)
	for _, s := range m.Sections {
		body, err := change(s.ID, s.Body)
		if err != nil {
			return nil, err
		}
		out = AppendSection(out, s.ID, body)
	}
	return out, nil
}

func appendBytes(dst []byte, s string) []byte {
	return append(AppendU32(dst, uint32(len(s))), s...)
}
