package hostcall

import "unsafe"

//go:wasmimport happn log
func hostLog(level int32, text unsafe.Pointer, length uint32)

//go:wasmimport happn payload
func hostPayload(dst unsafe.Pointer, capacity uint32) int32

//go:wasmimport happn features
func hostFeatures(dst unsafe.Pointer, capacity uint32) int32

//go:wasmimport happn metric_define
func hostMetricDefine(definition unsafe.Pointer, size uint32) int32

//go:wasmimport happn metric_add
func hostMetricAdd(number int32, value float64, labels unsafe.Pointer, size uint32) int32

// DefineMetric returns the number of a metric, or an error number.
func DefineMetric(definition []byte) int32 {
	return hostMetricDefine(unsafe.Pointer(unsafe.SliceData(definition)), uint32(len(definition)))
}

// AddMetric counts or sets a value. It returns 0, or an error number.
func AddMetric(number int32, value float64, labels []byte) int32 {
	return hostMetricAdd(number, value, unsafe.Pointer(unsafe.SliceData(labels)), uint32(len(labels)))
}

// Features returns what the host says of itself, as JSON.
func Features() ([]byte, error) { return fetch(hostFeatures) }

// Log writes a line to the host's log.
func Log(level int32, text string) {
	hostLog(level, unsafe.Pointer(unsafe.StringData(text)), uint32(len(text)))
}

// Payload returns the data of the present message, in buf if it fits.
func Payload(buf []byte) []byte {
	for {
		buf = buf[:cap(buf)]
		n := hostPayload(unsafe.Pointer(unsafe.SliceData(buf)), uint32(len(buf)))
		switch {
		case n < 0:
			return nil
		case int(n) <= len(buf):
			return buf[:n]
		}
		buf = make([]byte, n)
	}
}
