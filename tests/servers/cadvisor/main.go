// cadvisor: cAdvisor's own manager and collectors, set up as a kubelet sets them up, served at /metrics.
//
// cAdvisor's command is not to be had as a Go module (only its library is), so this stands in its place, for the raw
// groups below the prefixes named on the command line. The flags are cAdvisor's own, with the kubelet's defaults:
// --housekeeping_interval (10s) is how often it reads a group, --max_housekeeping_interval (15s) how seldom at most.
package main

import (
	"flag"
	"log"
	"net/http"
	"time"

	"github.com/google/cadvisor/cache/memory"
	"github.com/google/cadvisor/container"
	info "github.com/google/cadvisor/info/v1"
	v2 "github.com/google/cadvisor/info/v2"
	"github.com/google/cadvisor/manager"
	"github.com/google/cadvisor/metrics"
	"github.com/google/cadvisor/utils/sysfs"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"k8s.io/utils/clock"
)

// What a kubelet asks of cAdvisor.
var included = container.MetricSet{
	container.CpuUsageMetrics:     {},
	container.CpuLoadMetrics:      {},
	container.MemoryUsageMetrics:  {},
	container.OOMMetrics:          {},
	container.DiskIOMetrics:       {},
	container.DiskUsageMetrics:    {},
	container.NetworkUsageMetrics: {},
	container.ProcessMetrics:      {},
	container.PressureMetrics:     {},
	container.AppMetrics:          {},
}

// How long a kubelet lets cAdvisor remember.
const remembered = 2 * time.Minute

// labels has the names a kubelet's series have. A raw group knows its id alone.
func labels(of *info.ContainerInfo) map[string]string {
	return map[string]string{
		metrics.LabelID: of.Name, metrics.LabelName: "", metrics.LabelImage: of.Spec.Image,
		"pod": "", "namespace": "", "container": "",
	}
}

func main() {
	for name, value := range map[string]string{
		"housekeeping_interval": "10s", "max_housekeeping_interval": "15s",
		"event_storage_age_limit": "default=0", "event_storage_event_limit": "default=0",
	} {
		if err := flag.Set(name, value); err != nil {
			log.Fatal(err)
		}
	}
	listen := flag.String("listen", "127.0.0.1:8080", "address of /metrics")
	flag.Parse()
	housekeeping := manager.HousekeepingConfigFlags
	m, err := manager.New(memory.New(remembered, nil), sysfs.NewRealSysFs(), housekeeping, included, http.DefaultClient,
		flag.Args(), nil, "", 0)
	if err != nil {
		log.Fatal(err)
	}
	if err := m.Start(); err != nil {
		log.Fatal(err)
	}
	asked := v2.RequestOptions{IdType: v2.TypeName, Count: 1, Recursive: true}
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		metrics.NewPrometheusMachineCollector(m, included),
		metrics.NewPrometheusCollector(m, labels, included, clock.RealClock{}, asked),
	)
	http.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	log.Fatal(http.ListenAndServe(*listen, nil))
}
