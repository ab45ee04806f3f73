package engine

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// mostHeader is the largest header that safetensors reads.
const mostHeader = 100_000_000

// CheckpointFile is an open checkpoint. Its header is verified when it is opened, the elements when they are read.
type CheckpointFile struct {
	Checkpoint        // each Data an empty slice of the element type
	Checksum   string // of the header, and with the sums in it of the whole file

	path   string
	file   io.ReaderAt
	close  io.Closer
	start  int64    // of the elements
	sums   []string // of the tensors, in their order
	places []int64  // where each tensor begins, after start
}

// OpenCheckpoint opens a file and verifies its header. Errors: *fs.PathError of the system, *CheckpointError for a file
// that is cut short, altered, of a later version, or no checkpoint.
func OpenCheckpoint(path string) (*CheckpointFile, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	var f *CheckpointFile
	about, err := file.Stat()
	if err == nil {
		f, err = openCheckpoint(path, file, about.Size())
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	f.close = file
	return f, nil
}

// LoadCheckpoint reads a file. Errors: as of OpenCheckpoint and Read.
func LoadCheckpoint(path string) (*Checkpoint, error) {
	f, err := OpenCheckpoint(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c := &Checkpoint{Metadata: f.Metadata, Tensors: make([]Tensor, len(f.Tensors))}
	for i, t := range f.Tensors {
		dtype, _, _, _ := tensorType(t.Data)
		c.Tensors[i] = Tensor{Name: t.Name, Shape: t.Shape, Data: tensorData(dtype, elements(t.Shape))}
	}
	if err := f.Read(c.Tensors); err != nil {
		return nil, err
	}
	return c, nil
}

// Close closes the file.
func (f *CheckpointFile) Close() error { return f.close.Close() }

func (f *CheckpointFile) bad(place, format string, args ...any) error {
	return &CheckpointError{Path: f.path, Place: place, Found: fmt.Sprintf(format, args...)}
}

func openCheckpoint(path string, file io.ReaderAt, size int64) (*CheckpointFile, error) {
	f := &CheckpointFile{path: path, file: file}
	text, err := f.readHeader(size)
	if err != nil {
		return nil, err
	}
	if err := f.verifyHeader(text); err != nil {
		return nil, err
	}
	return f, f.parseHeader(text[8:], size)
}

// readHeader reads the length and the header.
func (f *CheckpointFile) readHeader(size int64) ([]byte, error) {
	var length [8]byte
	if size < 8 {
		return nil, f.bad("length", "is cut short: the file has %d bytes, and a checkpoint begins with 8", size)
	}
	if _, err := f.file.ReadAt(length[:], 0); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > mostHeader {
		return nil, f.bad("length", "says %d bytes of header, and %d are the most: this is no checkpoint, or an altered one", n, mostHeader)
	}
	if int64(n) > size-8 {
		return nil, f.bad("header", "is cut short: it has %d of %d bytes", size-8, n)
	}
	text := make([]byte, 8+n)
	_, err := f.file.ReadAt(text, 0)
	if err == io.EOF && size == int64(len(text)) {
		err = nil
	}
	return text, err
}

// verifyHeader looks at the version and the checksum, whose places are fixed.
func (f *CheckpointFile) verifyHeader(text []byte) error {
	rest, ok := bytes.CutPrefix(text[8:], []byte(headerStart))
	version, then, found := bytes.Cut(rest, []byte(`"`))
	if !ok || !found || len(version) == 0 || len(version) > 8 || len(bytes.Trim(version, "0123456789")) > 0 {
		return f.bad("header", "does not begin as that of a checkpoint of hebbkern; other safetensors files have no checksum")
	}
	if string(version) != fmt.Sprint(checkpointVersion) {
		return f.bad("version", "is %s, and this hebbkern reads %d: it was written by a later one, or altered", version, checkpointVersion)
	}
	then, ok = bytes.CutPrefix(then, []byte(headerThen[1:]))
	if !ok || len(then) < sumDigits {
		return f.bad("header", "has no checksum: it was altered")
	}
	at := len(text) - len(then)
	f.Checksum = string(then[:sumDigits])
	zeroed := bytes.Clone(text)
	copy(zeroed[at:], strings.Repeat("0", sumDigits))
	if sum := sha256.Sum256(zeroed); hex.EncodeToString(sum[:]) != f.Checksum {
		return f.bad("header", "does not agree with its checksum: it was altered")
	}
	return nil
}

// parseHeader fills the tensors and metadata, in the order of the elements in the file.
func (f *CheckpointFile) parseHeader(text []byte, size int64) error {
	in := json.NewDecoder(bytes.NewReader(text))
	entries := 0
	for depth := 0; ; {
		token, err := in.Token()
		if err != nil {
			return f.bad("header", "is no JSON: %v", err)
		}
		if delim, ok := token.(json.Delim); ok {
			if delim == '}' {
				break
			}
			depth++
			continue
		}
		key, _ := token.(string)
		if depth != 1 {
			return f.bad("header", "is no JSON object")
		}
		if entries++; entries == 1 { // the prefix has been compared: it is the metadata
			err = in.Decode(&f.Metadata)
		} else {
			err = f.parseTensor(key, in)
		}
		if err != nil {
			return f.bad("header", "has a wrong entry %q: %v", key, err)
		}
	}
	if sums := f.Metadata[reserved+"sums"]; sums != "" {
		f.sums = strings.Split(sums, " ")
	}
	for key := range f.Metadata {
		if strings.HasPrefix(key, reserved) {
			delete(f.Metadata, key)
		}
	}
	if len(f.sums) != len(f.Tensors) {
		return f.bad("header", "has %d checksums for %d tensors", len(f.sums), len(f.Tensors))
	}
	return f.checkPlaces(8+int64(len(text)), size)
}

func (f *CheckpointFile) parseTensor(name string, in *json.Decoder) error {
	var entry struct {
		DType   string   `json:"dtype"`
		Shape   []int    `json:"shape"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	if err := in.Decode(&entry); err != nil {
		return err
	}
	t := Tensor{Name: name, Shape: entry.Shape, Data: tensorData(entry.DType, 0)}
	_, width, _, ok := tensorType(t.Data)
	n := elements(t.Shape)
	if !ok || n < 0 || entry.Offsets[1]-entry.Offsets[0] != int64(n*width) {
		return fmt.Errorf("%s %v at %v", entry.DType, entry.Shape, entry.Offsets)
	}
	f.Tensors = append(f.Tensors, t)
	f.places = append(f.places, entry.Offsets[0])
	return nil
}

// checkPlaces requires the tensors to lie one after the other, up to the end of the file.
func (f *CheckpointFile) checkPlaces(start, size int64) error {
	f.start = start
	at := int64(0)
	for i := range f.Tensors {
		t := &f.Tensors[i]
		if f.places[i] != at {
			return f.bad(tensorPlace(t), "begins at %d of the elements, and the one before ends at %d", f.places[i], at)
		}
		_, width, _, _ := tensorType(t.Data)
		at += int64(elements(t.Shape) * width)
		if start+at > size {
			return f.bad(tensorPlace(t), "is cut short: it ends at byte %d, and the file has %d", start+at, size)
		}
	}
	if start+at != size {
		return f.bad("end", "is followed by %d bytes that belong to no tensor: the file was altered", size-start-at)
	}
	return nil
}

func tensorPlace(t *Tensor) string { return fmt.Sprintf("tensor %q", t.Name) }

// Read verifies the elements of the whole file and then reads them into the caller's arrays, one for each tensor of
// the file with its name, type and shape, in any order. Errors: *ArgError for other arrays than the file's tensors,
// *CheckpointError for elements that were altered; nothing is written then.
func (f *CheckpointFile) Read(into []Tensor) error {
	const fn = "Read"
	given := Checkpoint{Tensors: into}
	if err := given.check(fn); err != nil {
		return err
	}
	for i := range into {
		if f.Tensor(into[i].Name) == nil {
			return badArg(fn, tensorPlace(&into[i]), "given", "the tensors of "+f.path)
		}
	}
	for i := range f.Tensors {
		t := &f.Tensors[i]
		g := given.Tensor(t.Name)
		if g == nil {
			return badArg(fn, tensorPlace(t), "missing", "an array for it")
		}
		if got, want := describeTensor(g), describeTensor(t); got != want {
			return badArg(fn, tensorPlace(t), got, want+", as in "+f.path)
		}
	}
	// Twice over the file: what has been altered is not to be seen in anybody's array.
	for i := range f.Tensors {
		sum := sha256.New()
		if err := f.each(i, func(_ int, part []byte) { sum.Write(part) }); err != nil {
			return err
		}
		if hex.EncodeToString(sum.Sum(nil)) != f.sums[i] {
			return f.bad(tensorPlace(&f.Tensors[i]), "does not agree with its checksum: it was altered")
		}
	}
	for i := range f.Tensors {
		data := given.Tensor(f.Tensors[i].Name).Data
		if err := f.each(i, func(from int, part []byte) { decodeElements(data, from, part) }); err != nil {
			return err
		}
	}
	return nil
}

// each gives the bytes of a tensor to do, part after part, with the index of the part's first element.
func (f *CheckpointFile) each(i int, do func(from int, part []byte)) error {
	t := &f.Tensors[i]
	_, size, _, _ := tensorType(t.Data)
	n := elements(t.Shape)
	chunk := make([]byte, min(n*size, chunkBytes))
	for from := 0; from < n; {
		part := chunk[:min((n-from)*size, chunkBytes)]
		if m, err := f.file.ReadAt(part, f.start+f.places[i]+int64(from*size)); m < len(part) {
			return f.bad(tensorPlace(t), "cannot be read: %v", err)
		}
		do(from, part)
		from += len(part) / size
	}
	return nil
}
