extension Configuration {
    /// An annotated configuration with every key, as `courant config example` prints it.
    ///
    /// Where a value stands alone it is the default; what has no default is commented out.
    package static let example = """
        # Courant's configuration. Every key may be left out; the values here are the defaults.
        # Durations: 500ms 10s 5m 1h 7d 2w. Sizes: bytes, or 64MiB 1GB. ${NAME} reads the environment, $${ is ${ itself.
        # Relative paths are taken from the folder that this file stands in.

        # Journal, state and staging live here. One process at a time.
        data: ./courant-data

        # Beyond loopback (such as 0.0.0.0:8080) at least one token must have been made first:
        #   courant token create NAME --scope admin
        listen: 127.0.0.1:8080

        # Everything but events, health and the glossary on a listener of its own.
        # admin: {listen: "127.0.0.1:8081"}

        # How the service is reached from outside, and the proxies whose X-Forwarded-For and -Proto are believed.
        # publicURL: https://events.example.com
        # trusted_proxies: [10.0.0.0/8]

        # HTTPS from PEM files.
        # tls: {certificate: cert.pem, key: key.pem}

        # What clients may take. Connections are counted for each listener; when there are too many, the one that has been
        # idle longest goes. idle_timeout: without a request, or without taking the answer. request_timeout: from a
        # request's head to the end of its body.
        http: {connections_max: 4096, idle_timeout: 75s, request_timeout: 2m}

        # What is in flight at SIGTERM has this long to finish.
        shutdown: {timeout: 10s}

        # SIGHUP and `courant config reload` read this file again and exchange the connectors that it changes; one that
        # ends has this long to give up what it is doing.
        reload: {timeout: 30s}

        # Levels: trace, debug, info, notice, warning, error, critical. Formats: text, json.
        log: {level: info, format: text}

        journal:
          partitions: 1        # fixed when the journal is made
          segment: 64MiB       # size of one journal file
          keep: 7d             # how long records stay replayable once every connector has landed them

        disk:
          # Journal, staging and state together; beyond it intake answers 503 until a connector catches up.
          # budget: 50GiB
          reserve: 256MiB      # what stays free on the disk in any case

        # A repeated id is recognised for this long, as far as the memory goes (16 bytes an id).
        duplicates: {window: 1h, memory: 64MiB}

        intake:
          event_bytes_max: 900000          # a larger event is set aside with its bytes
          body_bytes_max: 16MiB            # of one request as sent
          decompressed_bytes_max: 16MiB    # of one request once decompressed; at most half a segment
          in_flight_bytes_max: 256MiB      # of all requests being worked on

        # Memory for the files being written, all connectors together.
        delivery: {memory: 64MiB}

        # What becomes of reports and providers' webhooks; docs/tracking.md.
        tracking:
          overtake: 15m                    # how long a provider's event waits for the report of its message
          keep: 30d                        # how long a message's context is remembered
          attribution: all                 # or latest-recipient: whose event a message from a shared number is
          # definitions: ./definitions     # campaigns/, canvases/, subscription-groups/: a YAML file each, named by its id

        # Where events come in. A token names its source.
        sources:
          default:
            edition: "2021"
            strict: false                  # true: a broken rule rejects the event
            unknown_fields: leave_out      # or reject
            formats: [events, currents]    # POST /v1/events, POST /v1/currents
            sends: reported                # or provider: whose word makes a Send
            # webhooks:
            #   sendgrid: {public_keys: ["${SENDGRID_KEY}"]}
            #   twilio: {auth_tokens: ["${TWILIO_TOKEN}"]}    # needs publicURL
            #   ses: {topics: ["arn:aws:sns:eu-west-1:123456789012:mail"]}    # trusted_roots: roots.pem
            # events_per_second_max: 100000
            # in_flight_bytes_max: 128MiB

        # What is delivered where.
        connectors:
          local:
            destination: {type: local, path: ./courant-data/files}
            # A bucket: {type: s3, bucket: my-lake, region: eu-central-1}, with codec deflate 6 and roll every 300s.
            # A container: {type: azure, account: mylake, container: events}, likewise.
            # The entitlement: names or globs, sections, channels, actions. A type must match each list that is given.
            # events: ["users.messages.*"]
            # sections: [message engagement]
            # channels: [email]
            # actions: [Opens, Clicks]
            edition: "2021"
            codec: {name: zstandard, level: 1}    # null, deflate 1-12, snappy, zstandard 1-19
            roll:
              every: 60s                          # a file is closed at this age
              bytes: 128MiB                       # or at this size as written
              # events: 15000                     # or at this count
            key:
              prefix: ""
              parts: [root, type, date, version, environment]
              cluster: courant
              environment: default
            # id: 0123456789abcdef01234567        # default: made from the journal's id and the connector's name
            start: now                            # a new connector begins at the journal's end, or with oldest
            when_full: wait                       # or give_up: lose this connector's backlog when the disk is full
            # keep, drop, redact, sha256, hmac_sha256: for all personal data, and by field name. A Location event always
            # has its place: keep that, or do not carry the type.
            # privacy: {pii: hmac_sha256, hmac_key: "${PRIVACY_KEY}", fields: {latitude: keep, longitude: keep}}

        """
}
