package engine

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

const (
	// headerStart is how every header begins: the place of the version and of the checksum is fixed.
	headerStart = `{"__metadata__":{"hebbkern.version":"`
	headerThen  = `","hebbkern.checksum":"`
	sumDigits   = 2 * sha256.Size
	// chunkBytes is the memory that reading and writing take.
	chunkBytes = 1 << 18
)

// Save writes a checkpoint to path, so that at any moment, also if the process or the machine stops in the midst of
// it, path is either what it was or the whole new file: the file is written beside it under the name
// ".NAME.RANDOM.tmp", synced, renamed, and the folder synced. What a killed process leaves is such a file, which may
// be deleted. Errors: *ArgError for names, shapes or types that a file cannot hold; the system's (*fs.PathError,
// *os.LinkError) for a full disk, a folder that is missing or not writable: then path is what it was.
func (c *Checkpoint) Save(path string) error {
	if err := c.check("Save"); err != nil {
		return err
	}
	folder, name := filepath.Split(path)
	if name == "" {
		return badArg("Save", "path", fmt.Sprintf("%q", path), "the name of a file")
	}
	if folder == "" {
		folder = "."
	}
	file, err := createBeside(folder, name)
	if err != nil {
		return err
	}
	err = c.write(file)
	if err == nil {
		err = file.Sync()
	}
	err = errors.Join(err, file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return syncFolder(folder)
}

// createBeside makes a new file with the permissions that the user's other files get, which os.CreateTemp's have not.
func createBeside(folder, name string) (*os.File, error) {
	for {
		path := filepath.Join(folder, fmt.Sprintf(".%s.%08x.tmp", name, rand.Uint32()))
		file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
		if !errors.Is(err, os.ErrExist) {
			return file, err
		}
	}
}

// syncFolder makes a rename last. Windows has no such call, and some file systems of the network refuse it.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := folder.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

// write writes the header twice: with zeros as checksums to keep the place, and again when the elements have been
// read. So the sums are of the bytes that were written, whatever another thread does to the arrays meanwhile.
func (c *Checkpoint) write(file *os.File) error {
	tensors := c.ordered()
	sums := make([][sha256.Size]byte, len(tensors))
	if _, err := file.Write(c.header(tensors, sums)); err != nil {
		return err
	}
	chunk := make([]byte, chunkBytes)
	for i, t := range tensors {
		_, size, n, _ := tensorType(t.Data)
		sum := sha256.New()
		for from := 0; from < n; {
			m := min(n-from, chunkBytes/size)
			part := chunk[:m*size]
			encodeElements(part, t.Data, from)
			sum.Write(part)
			if _, err := file.Write(part); err != nil {
				return err
			}
			from += m
		}
		sum.Sum(sums[i][:0])
	}
	_, err := file.WriteAt(c.header(tensors, sums), 0)
	return err
}

// header is the length and the JSON text, with spaces at its end so that the elements begin at a multiple of 8.
func (c *Checkpoint) header(tensors []*Tensor, sums [][sha256.Size]byte) []byte {
	text := make([]byte, 8, 1024)
	add := func(parts ...string) {
		for _, p := range parts {
			text = append(text, p...)
		}
	}
	add(headerStart, fmt.Sprint(checkpointVersion), headerThen)
	digits := len(text)
	add(strings.Repeat("0", sumDigits), `","hebbkern.sums":"`)
	for i := range sums {
		if i > 0 {
			add(" ")
		}
		add(hex.EncodeToString(sums[i][:]))
	}
	add(`"`)
	for _, key := range sortedKeys(c.Metadata) {
		add(",", quote(key), ":", quote(c.Metadata[key]))
	}
	add("}")
	at := 0
	for _, t := range tensors {
		dtype, size, n, _ := tensorType(t.Data)
		shape := strings.ReplaceAll(strings.Trim(fmt.Sprint(t.Shape), "[]"), " ", ",")
		add(",", quote(t.Name), fmt.Sprintf(`:{"dtype":%q,"shape":[%s],"data_offsets":[%d,%d]}`, dtype, shape, at, at+n*size))
		at += n * size
	}
	add("}", strings.Repeat(" ", 7-(len(text)%8)))
	binary.LittleEndian.PutUint64(text, uint64(len(text)-8))
	sum := sha256.Sum256(text)
	hex.Encode(text[digits:], sum[:])
	return text
}

// quote is a JSON string. The encoder fails on no string.
func quote(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// encodeElements writes the elements from `from` on, as many as dst holds.
func encodeElements(dst []byte, data any, from int) {
	le := binary.LittleEndian
	switch v := data.(type) {
	case []float32:
		for i, x := range v[from : from+len(dst)/4] {
			le.PutUint32(dst[4*i:], math.Float32bits(x))
		}
	case []float64:
		for i, x := range v[from : from+len(dst)/8] {
			le.PutUint64(dst[8*i:], math.Float64bits(x))
		}
	case []int64:
		for i, x := range v[from : from+len(dst)/8] {
			le.PutUint64(dst[8*i:], uint64(x))
		}
	case []uint64:
		for i, x := range v[from : from+len(dst)/8] {
			le.PutUint64(dst[8*i:], x)
		}
	case []uint8:
		copy(dst, v[from:])
	case []bool:
		for i := range dst {
			dst[i] = 0
			if v[from+i] {
				dst[i] = 1
			}
		}
	}
}

// decodeElements is the way back.
func decodeElements(data any, from int, src []byte) {
	le := binary.LittleEndian
	switch v := data.(type) {
	case []float32:
		v = v[from : from+len(src)/4]
		for i := range v {
			v[i] = math.Float32frombits(le.Uint32(src[4*i:]))
		}
	case []float64:
		v = v[from : from+len(src)/8]
		for i := range v {
			v[i] = math.Float64frombits(le.Uint64(src[8*i:]))
		}
	case []int64:
		v = v[from : from+len(src)/8]
		for i := range v {
			v[i] = int64(le.Uint64(src[8*i:]))
		}
	case []uint64:
		v = v[from : from+len(src)/8]
		for i := range v {
			v[i] = le.Uint64(src[8*i:])
		}
	case []uint8:
		copy(v[from:], src)
	case []bool:
		for i, x := range src {
			v[from+i] = x != 0
		}
	}
}
