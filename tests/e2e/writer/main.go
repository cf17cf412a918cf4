// writer: flags and the pod's own names in, log lines out, and the truth about them in files.
//
// Whatever was written to a stream of attempt N of a container is in $TRUTH/<pod uid>/<container>/N.stdout (.stderr),
// byte by byte, and N.done is there when it has written all. An attempt counts itself: a folder entry can be made once.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// recorded is a stream and the file of what was written to it.
type recorded struct{ stream, truth *os.File }

func (r recorded) write(text string) {
	if _, err := r.stream.WriteString(text); err != nil {
		os.Exit(70)
	}
	if _, err := r.truth.WriteString(text); err != nil {
		os.Exit(71)
	}
}

// attempt is the number of this start of the container, and the path of its truth without a suffix.
func attempt(folder string) (int, string) {
	must(os.MkdirAll(folder, 0o755))
	for n := 0; ; n++ {
		path := filepath.Join(folder, fmt.Sprint(n))
		if err := os.Mkdir(path+".begun", 0o755); err == nil {
			return n, path
		} else if !os.IsExist(err) {
			must(err)
		}
	}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "writer:", err)
		os.Exit(72)
	}
}

func created(path string) *os.File {
	file, err := os.Create(path)
	must(err)
	return file
}

// line is what stands at place seq, and whether it goes to stderr.
func line(kind string, seq, pad int) (string, bool) {
	now := time.Now().UTC().Format(time.RFC3339Nano)
	switch kind {
	case "json":
		return fmt.Sprintf(`{"time":%q,"level":"info","seq":%d,"msg":"order %d shipped","trace_id":"%032x"}`, now, seq, seq, seq+1), false
	case "logfmt":
		return fmt.Sprintf(`time=%s level=warn seq=%d msg="queue is deep" depth=%d`, now, seq, seq%17), true
	case "trace":
		text := fmt.Sprintf("%s ERROR seq=%d posting failed\njava.lang.IllegalStateException: entry %d not balanced\n", now, seq, seq)
		for depth := 0; depth < 4; depth++ {
			text += fmt.Sprintf("\tat com.example.ledger.Poster.run(Poster.java:%d%d)\n", seq, depth)
		}
		return text + fmt.Sprintf("Caused by: java.sql.SQLException: deadlock %d\n\t... %d more", seq, seq), true
	case "long": // more than twice what a container runtime takes for one record
		return fmt.Sprintf("seq=%d ", seq) + strings.Repeat("long ", 8000) + "end", false
	case "empty":
		return "", false
	case "letters":
		return fmt.Sprintf("seq=%d Grüße, 日本語, \u2028 and a tab\t\"quoted\" \\ end ", seq), false
	default:
		return fmt.Sprintf("%s seq=%d %s", now, seq, strings.Repeat("x", pad)), seq%5 == 4
	}
}

func wait() {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
	<-ended
	os.Exit(0)
}

func main() {
	lines := flag.Int("lines", 100, "how many")
	rate := flag.Int("rate", 100, "of them in a second")
	kinds := flag.String("kinds", "plain,json,logfmt,trace,plain,empty,letters,long", "in turn")
	pad := flag.Int("pad", 20, "bytes more for a plain line")
	exit := flag.Int("exit", -1, "the exit code after the last line; -1: stay")
	exits := flag.Int("exits", 1<<30, "how many attempts exit; later ones stay")
	unended := flag.Bool("unended", false, "no newline after the last line")
	pause := flag.Bool("pause", false, "only stay, as the first container of a pod does")
	flag.Parse()
	if *pause {
		wait()
	}
	folder := filepath.Join(os.Getenv("TRUTH"), os.Getenv("POD_UID"), os.Getenv("CONTAINER"))
	number, path := attempt(folder)
	streams := []recorded{{os.Stdout, created(path + ".stdout")}, {os.Stderr, created(path + ".stderr")}}
	turns := strings.Split(*kinds, ",")
	begun := time.Now()
	for seq := 0; seq < *lines; seq++ {
		text, err := line(turns[seq%len(turns)], seq, *pad)
		if seq < *lines-1 || !*unended {
			text += "\n"
		}
		to := streams[0]
		if err {
			to = streams[1]
		}
		to.write(text)
		time.Sleep(time.Until(begun.Add(time.Duration(seq+1) * time.Second / time.Duration(*rate))))
	}
	must(os.Mkdir(path+".done", 0o755))
	if *exit >= 0 && number < *exits {
		os.Exit(*exit)
	}
	wait()
}
