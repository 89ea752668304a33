import Telemetry
import Testing

@Suite("Metrics and their text")
struct PrometheusTextTests {
    @Test("the text is what the exposition format says, line by line")
    func text() {
        let registry = MetricRegistry()
        registry.counter("courant_b_total", help: "Things.\nTwo lines \\ one backslash.").add(3)
        registry.counter("courant_a_total", help: "By label.", labels: [("source", "a\"b\\c\nd"), ("x", "1")]).add()
        registry.gauge("courant_level", help: "A level.").set(1.5)
        registry.gaugeReading("courant_read", help: "Read.", labels: [("p", "0")]) { 42 }
        let histogram = registry.histogram(
            "courant_seconds",
            help: "Time.",
            labels: [("k", "v")],
            bounds: [0.5, 1]
        )
        histogram.observe(seconds: 0.5)
        histogram.observe(.milliseconds(750))
        histogram.observe(seconds: 9)
        #expect(
            registry.prometheusText() == """
                # HELP courant_a_total By label.
                # TYPE courant_a_total counter
                courant_a_total{source="a\\"b\\\\c\\nd",x="1"} 1
                # HELP courant_b_total Things.\\nTwo lines \\\\ one backslash.
                # TYPE courant_b_total counter
                courant_b_total 3
                # HELP courant_level A level.
                # TYPE courant_level gauge
                courant_level 1.5
                # HELP courant_read Read.
                # TYPE courant_read gauge
                courant_read{p="0"} 42
                # HELP courant_seconds Time.
                # TYPE courant_seconds histogram
                courant_seconds_bucket{k="v",le="0.5"} 1
                courant_seconds_bucket{k="v",le="1"} 2
                courant_seconds_bucket{k="v",le="+Inf"} 3
                courant_seconds_sum{k="v"} 10.25
                courant_seconds_count{k="v"} 3

                """
        )
    }

    @Test("the same name and labels give the same object, other labels another")
    func identity() {
        let registry = MetricRegistry()
        let first = registry.counter("a_total", help: "A.", labels: [("s", "1")])
        #expect(registry.counter("a_total", help: "A.", labels: [("s", "1")]) === first)
        #expect(registry.counter("a_total", help: "A.", labels: [("s", "2")]) !== first)
    }

    @Test("figures that belong together are read in one go at each scrape, and leave with their group")
    func groups() {
        let registry = MetricRegistry()
        let reads = registry.counter("reads_total", help: "Reads.")
        let families = [
            MetricGroup.Family("in_total", .counter, help: "In."), MetricGroup.Family("left", .gauge, help: "Left."),
            MetricGroup.Family("never", .gauge, help: "Without samples."),
        ]
        for name in ["x", "y"] {
            registry.group(name, families) {
                reads.add()
                return [
                    MetricGroup.Sample("in_total", labels: [("c", name)], Double(reads.value)),
                    MetricGroup.Sample("left", labels: [("c", name)], 0.5),
                ]
            }
        }
        #expect(
            registry.prometheusText() == """
                # HELP in_total In.
                # TYPE in_total counter
                in_total{c="x"} 1
                in_total{c="y"} 2
                # HELP left Left.
                # TYPE left gauge
                left{c="x"} 0.5
                left{c="y"} 0.5
                # HELP reads_total Reads.
                # TYPE reads_total counter
                reads_total 2

                """
        )
        registry.removeGroup("x")
        let text = registry.prometheusText()
        #expect(text.contains("in_total{c=\"y\"} 3\n"))
        #expect(!text.contains("c=\"x\""))
    }

    @Test("a series that is removed leaves the text, and a reading can be replaced")
    func removal() {
        let registry = MetricRegistry()
        registry.gaugeReading("g", help: "G.", labels: [("c", "x")]) { 1 }
        registry.gaugeReading("g", help: "G.", labels: [("c", "x")]) { 2 }
        #expect(registry.prometheusText().contains("g{c=\"x\"} 2\n"))
        registry.remove("g", labels: [("c", "x")])
        #expect(registry.prometheusText() == "")
    }

    @Test("additions from many tasks all arrive")
    func concurrency() async {
        let registry = MetricRegistry()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<10_000 { registry.counter("n_total", help: "N.").add() }
                }
            }
        }
        #expect(registry.counter("n_total", help: "N.").value == 80_000)
    }

    @Test("a quantile is the bound under which the share lies")
    func quantiles() {
        let histogram = Histogram(bounds: [1, 2, 3])
        #expect(histogram.quantile(0.5) == nil)
        for value in [0.5, 1.5, 1.6, 2.5] { histogram.observe(seconds: value) }
        #expect(histogram.quantile(0.25) == 1)
        #expect(histogram.quantile(0.5) == 2)
        #expect(histogram.quantile(0.99) == 3)
        histogram.observe(seconds: 10)
        #expect(histogram.quantile(1) == nil)
    }
}
