extension FieldRule {
    /// The rule as senders and operators meet it.
    public var rule: Rule { FieldRule.rules[Int(rawValue)] }

    private static let rules: [Rule] = allCases.map { $0.makeRule() }

    private func makeRule() -> Rule {
        let (code, enforcement, sentence): (String, Rule.Enforcement, String) =
            switch self {
            case .tenDigitTime:
                ("time_not_ten_digits", .strict, "The time is in seconds since 1970 and has ten digits.")
            case .timezone: ("timezone_unknown", .strict, "The time zone is a name of the IANA database.")
            case .phone:
                (
                    "phone_not_e164", .strict,
                    "The phone number is in E.164 form: a plus sign and 2 to 15 digits, the first not 0."
                )
            case .sender:
                (
                    "sender_malformed", .strict,
                    "The sender is a phone number in E.164 form, a short code of 3 to 8 digits, or a name of up to 11 "
                        + "characters, at least one of them a letter, without a blank at either end."
                )
            case .adIDType: ("ad_id_type_unknown", .strict, oneOf(WordList.adIDTypes))
            case .subscriptionStatus: ("subscription_status_unknown", .strict, oneOf(WordList.subscriptionStates))
            case .subscriptionStatusOpen:
                ("subscription_status_unknown", .counted, known(WordList.openSubscriptionStates))
            case .channel: ("channel_unknown", .strict, oneOf(WordList.groupChannels))
            case .channelOpen: ("channel_unknown", .counted, known(WordList.channels))
            case .action: ("action_unknown", .strict, oneOf(WordList.actions))
            case .actionOpen: ("action_unknown", .counted, known(WordList.actions))
            case .category: ("category_unknown", .counted, known(WordList.categories))
            case .platform: ("platform_unknown", .counted, known(WordList.platforms))
            case .buttonActionType: ("button_action_type_unknown", .counted, known(WordList.buttonActions))
            case .jsonObject:
                ("conversion_behavior_not_object", .strict, "The string holds a JSON object.")
            case .conversionIndex:
                ("conversion_behavior_index_range", .strict, "The index is 0, 1, 2 or 3, for conversion A to D.")
            case .canvasStepNameOnEntry:
                ("canvas_step_name_on_entry", .counted, "A canvas entry names no step; what others send is kept.")
            }
        return Rule(code: code, sentence: sentence, enforcement: enforcement)
    }

    private func oneOf(_ list: WordList) -> String {
        "The value is one of \(list.words.joined(separator: ", ")), in any letter case."
    }

    private func known(_ list: WordList) -> String {
        "Known values are \(list.words.joined(separator: ", ")), in any letter case; others are kept."
    }
}
