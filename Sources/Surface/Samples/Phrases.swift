/// The words that made-up events are filled with.
///
/// Names, addresses and numbers are invented.
enum Phrases {
    struct Device: Sendable {
        let platform: String
        let osVersion: String
        let model: String
        let adIDType: String?
        let userAgent: String
    }

    /// The first is an iOS device; users take the devices in turn.
    static let devices: [Device] = [
        Device(
            platform: "ios",
            osVersion: "17.6.1",
            model: "iPhone15,3",
            adIDType: "ios_idfa",
            userAgent: "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
                + "Gecko) Mobile/15E148"
        ),
        Device(
            platform: "android",
            osVersion: "14",
            model: "Pixel 8",
            adIDType: "google_ad_id",
            userAgent: "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) "
                + "Chrome/125.0 Mobile Safari/537.36"
        ),
        Device(
            platform: "web",
            osVersion: "10.0",
            model: "Windows",
            adIDType: nil,
            userAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
                + "Chrome/126.0.0.0 Safari/537.36"
        ),
        Device(
            platform: "ios",
            osVersion: "18.1",
            model: "iPhone16,1",
            adIDType: "ios_idfa",
            userAgent: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
                + "Gecko) Mobile/15E148"
        ),
        Device(
            platform: "android",
            osVersion: "13",
            model: "SM-S918B",
            adIDType: "google_ad_id",
            userAgent: "Mozilla/5.0 (Linux; Android 13; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) "
                + "Chrome/124.0 Mobile Safari/537.36"
        ),
    ]

    static let timezones = [
        "America/New_York", "America/Los_Angeles", "Europe/London", "Europe/Berlin", "Europe/Paris", "Asia/Tokyo",
        "Asia/Kolkata", "Australia/Sydney", "America/Sao_Paulo", "Africa/Cairo",
    ]
    static let firstNames = [
        "Ada", "Bruno", "Chiara", "Dilip", "Esther", "Femi", "Greta", "Hana", "Ivan", "Joana", "Kofi", "Linh", "Mateo",
        "Noor", "Olga", "Pia",
    ]
    static let words = [
        "Spring", "Summer", "Winter", "Launch", "Welcome", "Series", "Cart", "Reminder", "Loyalty", "Reward", "Digest",
        "VIP", "Promo", "Trial", "Été", "Größe", "新商品", "\"Flash\"",
    ]
    static let bounceReasons = [
        "550 5.1.1 The email account that you tried to reach does not exist",
        "550 5.7.1 Message rejected as unwanted", "554 5.4.14 Hop count exceeded",
    ]
    static let softBounceReasons = [
        "452 4.2.2 The recipient's mailbox is full", "421 4.7.0 Try again later", "451 4.3.0 Mail server unavailable",
    ]
    static let rejectionErrors = [("Message filtered by carrier", "30007"), ("Unreachable carrier", "30008")]
    static let failureErrors = [("Unreachable destination handset", "30003"), ("Unknown destination", "30005")]
    static let replies = ["Thanks!", "yes please", "What time do you open?", "J’arrive à 18 h 🙂", "ok"]

    static func title(words count: Int, _ random: inout SampleRandom) -> String {
        (0..<count).map { _ in random.one(of: words) }.joined(separator: " ") + " \(random.below(100))"
    }

    static func link(_ random: inout SampleRandom) -> String {
        "https://shop.example/\(random.hex(digits: 8))?utm_campaign=\(random.hex(digits: 6))"
    }

    /// Conversion events A, B and so on, as the JSON strings that stand in the events.
    static func conversions(_ random: inout SampleRandom) -> [String] {
        let product = random.one(of: ["any", "sku-1042", "sku-77"])
        return [
            "{\"type\":\"Makes Purchase\",\"window\":259200,\"product\":\"\(product)\"}",
            "{\"type\":\"Performs Custom Event\",\"window\":259200,\"custom_event_name\":\"added to cart\"}",
            "{\"type\":\"Opens App\",\"window\":259200}",
        ]
    }

    /// What fields without a story of their own may hold, by name.
    static let choices: [String: [String]] = [
        "abort_type": ["quiet_hours", "frequency_cap", "rate_limit"],
        "abort_log": ["Quiet hours from 22:00 to 08:00", "The cap of 2 messages a day was reached"],
        "retry_type": ["rate_limit", "provider_error"],
        "retry_log": ["The provider answered 429", "The connection was reset"],
        "deferral_reason": softBounceReasons,
        "esp": ["SendGrid", "Amazon SES", "SparkPost"],
        "from_domain": ["mail.example.com"],
        "recipient_domain": ["example.com", "example.org"],
        "mailbox_provider": ["Gmail", "Outlook", "Yahoo"],
        "browser": ["Chrome", "Safari", "Firefox"],
        "carrier": ["Example Mobile", "Sample Telecom"],
        "resolution": ["1179x2556", "1080x2400"],
        "sdk_version": ["10.3.0", "32.1.0"],
        "device_class": ["phone", "desktop", "tablet"],
        "device_os": ["iOS", "Android", "Windows"],
        "gender": ["female", "male", "other"],
        "country": ["us", "de", "fr", "jp"],
        "language": ["en", "de", "fr", "ja"],
        "home_city": ["Lyon", "Osaka", "Portland"],
        "first_name": firstNames,
        "last_name": ["Example", "Sample", "Muster"],
        "dob": ["1990-04-12", "1984-11-30"],
        "currency": ["USD", "EUR", "JPY"],
        "name": ["added to cart", "watched video", "rated order"],
        "properties": ["{\"size\":\"M\",\"count\":2}", "{\"rating\":5}"],
        "custom_attributes": ["{\"favourite_colour\":\"green\"}"],
        "message_extras": ["{\"tier\":\"gold\"}", "{\"tier\":\"silver\"}"],
        "flow_response_json": ["{\"answer\":\"yes\"}"],
        "tool_arguments": ["{\"query\":\"opening hours\"}"],
        "source": ["organic", "example-ads"],
        "locale_key": ["en-us", "fr-fr"],
        "state_change_source": ["preference_center", "rest_api", "sms"],
        "update_source": ["sdk", "rest_api"],
        "subscription_status": ["Subscribed", "Unsubscribed"],
        "channel": ["email", "sms"],
        "action": ["none"],
        "interaction_type": ["suggested_reply", "link"],
        "element_type": ["button", "link"],
        "element_label": ["Shop now"],
        "progression_type": ["advance", "exit"],
        "exit_reason": ["exit_criteria"],
        "push_token_state_change_type": ["add", "remove"],
        "live_activity_event_type": ["start", "update", "end"],
        "live_activity_event_outcome": ["sent", "error"],
        "activity_attributes_type": ["DeliveryAttributes"],
        "machine_open": ["true"],
        "suspected_bot_click_reason": ["datacenter_ip", "click_speed"],
        "media_urls": ["https://media.example/1.jpg", "https://media.example/2.jpg"],
        "url": ["https://shop.example/spring", "https://shop.example/sale"],
        "short_url": ["https://s.example/a1b2", "https://s.example/c3d4"],
        "endpoint_url": ["https://hooks.example/orders"],
        "host": ["hooks.example"],
        "url_path": ["/orders"],
        "raw_response": ["{\"error\":\"unavailable\"}"],
        "webhook_failure_source": ["external_endpoint"],
        "model_provider": ["example-models"],
        "model_name": ["example-large"],
        "agent_name": ["Support agent"],
        "tool_name": ["search_catalogue"],
        "invocation_source": ["canvas_step", "console"],
        "input": ["What is the status of my order?"],
        "output": ["It is on its way."],
        "error": ["timed out"],
        "provider_error_code": ["131026"],
        "provider_error_title": ["Message undeliverable"],
        "from_rcs_sender": ["example_brand"],
        "to_rcs_sender": ["example_brand"],
        "banner_placement_id": ["home-top"],
        "feature_flag_id_name": ["new-checkout"],
        "line_channel_name": ["Example Shop"],
        "template_name": ["order_update"],
        "quick_reply_text": ["Yes"],
        "message_body": replies,
        "version": ["1"],
        "category": ["Help"],
    ]
}
